"""Which model a server offers, and under which path; checked before anything else."""

from __future__ import annotations

import time
from contextlib import closing

from assay.core.decompress.backends.base import ModelIdentity
from assay.core.decompress.backends.connection import (
    API_KEY_VARIABLE,
    Connection,
    Reply,
    Unreachable,
)
from assay.core.decompress.backends.openai_format import CHAT_PATH, RAW_PATH
from assay.core.decompress.backends.patience import Patience, is_passing
from assay.core.decompress.backends.words import quoted, read_json, refusal_words
from assay.core.errors import AssayError, InputError
from assay.core.specs.addresses import read_address, without_password
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import JsonObject

_TIMEOUT_S = 10.0
# Shorter than during a run, because somebody waits for the first output.
PATIENCE = Patience(n_tries=4)
_N_SHOWN = 20
NO_SUCH_PATH = {404, 405}
NEEDS_KEY = {401, 403}
_MOST_PARAMETERS = 10**15


def bases(address: str) -> list[str]:
    """Where the API may be: the address with /v1 and without."""
    base = read_address(address).base
    return [base, base.removesuffix("/v1")] if base.endswith("/v1") else [f"{base}/v1", base]


def base_of(address: str, identity: ModelIdentity) -> str:
    """The one of ``bases`` under which the model was found."""
    found = bases(address)
    return next((base for base in found if _named(base) == identity.backend), found[0])


def identify(address: str, model: str | None) -> ModelIdentity:
    """The named model of a server, otherwise its first.

    A server need not list its models if one is named. InputError if nothing is at the address, or
    it requires a key, or lists other models; AssayError with the server's words if it has an error
    of its own. The hash is over the address and the server's description of the model, because its
    weights are out of reach.
    """
    with closing(Connection(read_address(address), _TIMEOUT_S)) as connection:
        replies: dict[str, Reply] = {}
        for base in bases(address):
            replies[base] = _get(connection, address, f"{base}/models")
            listed = _listed(replies[base])
            if listed is not None:
                return _identity(base, _chosen(listed, model))
            if is_passing(replies[base].status):
                break
        if model:
            for base in bases(address):
                if _answers(connection, base, model):
                    return _identity(base, {"id": model})
    raise _unlisted(address, model, list(replies.values()))


def refused_key(status: int, words: str) -> InputError:
    """The error if a key is missing or wrong."""
    return InputError(
        f"a key in the variable {API_KEY_VARIABLE} that the server accepts",
        words,
        f"set {API_KEY_VARIABLE}" if status in NEEDS_KEY else "check the key",
    )


def _get(connection: Connection, address: str, url: str) -> Reply:
    """The reply, after several tries if the error may pass."""
    for attempt in range(PATIENCE.n_tries):
        is_last = attempt + 1 == PATIENCE.n_tries
        try:
            reply = connection.send("GET", url)
        except Unreachable as error:
            if error.is_there and not is_last:
                time.sleep(PATIENCE.wait_s(attempt))
                continue
            raise _unreachable(address, error) from error
        if is_last or not is_passing(reply.status):
            break
        time.sleep(PATIENCE.wait_s(attempt, reply.headers.get("retry-after")))
    if reply.status in NEEDS_KEY:
        raise refused_key(reply.status, refusal_words(reply.status, reply.body))
    return reply


def _unreachable(address: str, error: Unreachable) -> AssayError:
    shown = without_password(address)
    if error.is_there:
        return AssayError(f"The server at {shown} sent no list of models: {error}.")
    return InputError(
        "the address of an OpenAI-compatible server",
        f"{shown!r}, which cannot be reached ({error})",
        "check the address and that the server is running",
    )


def _listed(reply: Reply) -> list[JsonObject] | None:
    """The models of a list; None if the reply is not a list of models."""
    if reply.status != 200:
        return None
    try:
        entries = read_json(reply.body)["data"]
        return [entry for entry in entries if isinstance(entry["id"], str)]
    except (ValueError, KeyError, TypeError):
        return None


def _chosen(listed: list[JsonObject], model: str | None) -> JsonObject:
    if listed and model is None:
        return listed[0]
    for entry in listed:
        if entry["id"] == model:
            return entry
    names = ", ".join(quoted(entry["id"], 80) for entry in listed[:_N_SHOWN])
    raise InputError(
        "a model that the server has, among "
        f"{names or 'none'}{' …' if len(listed) > _N_SHOWN else ''}",
        repr(model),
        "choose one with --served-model",
    )


def _answers(connection: Connection, base: str, model: str) -> bool:
    """Whether an API is under a path: then any question gets JSON, even if it is refused."""
    asked = {"model": model, "max_tokens": 1}
    questions = {
        CHAT_PATH: {**asked, "messages": [{"role": "user", "content": "Hello"}]},
        RAW_PATH: {**asked, "prompt": "Hello"},
    }
    for path, body in questions.items():
        try:
            reply = connection.send("POST", base + path, body)
            read_json(reply.body)
        except (Unreachable, ValueError):
            continue
        if reply.status in NEEDS_KEY:
            raise refused_key(reply.status, refusal_words(reply.status, reply.body))
        if reply.status not in NO_SUCH_PATH:
            return True
    return False


def _unlisted(address: str, model: str | None, replies: list[Reply]) -> AssayError:
    shown = without_password(address)
    told = next((one for one in replies if one.status not in NO_SUCH_PATH), replies[0])
    words = refusal_words(told.status, told.body)
    if 300 <= told.status < 400:
        return redirected(shown, told)
    if told.status in NO_SUCH_PATH and model is None:
        return InputError(
            "a server that lists its models, or a model named with --served-model",
            f"{shown!r}, which does not list its models, and no --served-model",
            "name the model with --served-model, or correct the address",
        )
    if told.status in NO_SUCH_PATH:
        return InputError(
            "the address of an OpenAI-compatible server",
            f"{shown!r}, which does not answer under {' or '.join(bases(address))} ({words})",
            "check the address",
        )
    later = "; try again later" if is_passing(told.status) else ""
    return AssayError(f"The server at {shown} sent no list of models, but {words}{later}.")


def redirected(shown: str, reply: Reply) -> AssayError:
    """The error for a redirect, which is never followed."""
    place = quoted(without_password(reply.headers.get("location", "nowhere")), 200)
    return InputError(
        "a server that answers at the given address",
        f"a redirect from {shown} to {place}",
        "give the new address, if you trust it",
    )


def _identity(base: str, said: JsonObject) -> ModelIdentity:
    meta = said.get("meta")
    n = meta.get("n_params") if isinstance(meta, dict) else None
    is_number = isinstance(n, int) and 0 < n < _MOST_PARAMETERS
    try:
        key = content_key(base, {k: v for k, v in said.items() if k != "created"})
    except (ValueError, RecursionError):  # an infinite number, half a character
        key = content_key(base, {"id": quoted(said["id"])})
    return ModelIdentity(
        name=quoted(said["id"], 200),
        sha256=key,
        is_weights_hash=False,
        n_parameters=n if is_number else None,
        backend=_named(base),
    )


def _named(base: str) -> str:
    return f"server at {base}"
