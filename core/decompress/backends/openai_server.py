"""Any OpenAI-compatible server over HTTP: vLLM, ScalarLM, llama.cpp, and hosted ones."""

from __future__ import annotations

import email.utils
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import httpx2

from assay.core.decompress.backends.base import ModelIdentity
from assay.core.decompress.backends.capabilities import probe
from assay.core.decompress.backends.openai_format import Garbled, answers, grouped, request
from assay.core.decompress.backends.rate_limit import AdaptiveLimit
from assay.core.errors import AssayError, InputError
from assay.core.specs.hashing import content_key
from assay.core.specs.model_calls import Answer, Call

API_KEY_VARIABLE = "ASSAY_API_KEY"
_FIRST_IN_FLIGHT, _MOST_IN_FLIGHT = 4, 256
_N_AT_ONCE = 4
_N_TRIES = 6
_CONNECT_S = 10.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 60.0
# Asked too much, or not ready: to be asked again. Everything else from 400 on stands.
_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}
# No call of this run will ever be answered.
_NOT_ALLOWED = {401, 402, 403, 404}


@dataclass(frozen=True)
class Refusal:
    """A server's last word on one request."""

    status: int
    words: str


class ServerBackend:
    """One model of one server. A request that hangs longer than ``timeout_s`` is asked again."""

    batch_size = 2 * _MOST_IN_FLIGHT

    def __init__(self, address: str, identity: ModelIdentity, timeout_s: float = 300.0) -> None:
        self.identity = identity
        self._base = _base(address)
        self._client = _client(timeout_s)
        self._limit = AdaptiveLimit(_FIRST_IN_FLIGHT, _MOST_IN_FLIGHT)
        self._pool = ThreadPoolExecutor(_MOST_IN_FLIGHT)
        self._is_closing = threading.Event()
        self.traits = probe(self._post_or_none, self.identity.name, _N_AT_ONCE)
        if not (self.traits.has_raw_prompts or self.traits.has_chat):
            raise InputError(
                "a server that answers /v1/completions or /v1/chat/completions",
                f"{address}, which answers neither for the model {self.identity.name!r}",
                "check the address and --served-model",
            )

    def answer(self, calls: Sequence[Call]) -> Iterator[list[tuple[Call, Answer]]]:
        n_most = _N_AT_ONCE if self.traits.honours_n else 1
        ahead = grouped(calls, n_most)
        running: set[Future[list[tuple[Call, Answer]]]] = set()
        # No more is handed over than may be in flight: cancelling then loses nothing else.
        while True:
            while len(running) < self._limit.limit and (group := next(ahead, None)):
                running.add(self._pool.submit(self._ask, group))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()

    def close(self) -> None:
        self._is_closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _ask(self, group: list[Call]) -> list[tuple[Call, Answer]]:
        path, body = request(group, self.identity.name, self.traits)
        start = time.monotonic()
        reply = self._post(path, body)
        if isinstance(reply, Refusal):
            if reply.status in _NOT_ALLOWED:
                raise AssayError(f"The server at {self._base} says {reply.words}.")
            return [(call, Answer(reply.words, "refused", 0, 0, 0.0)) for call in group]
        try:
            given = answers(group, reply, time.monotonic() - start, self.traits)
        except Garbled as error:
            given = [Answer(f"{error}: {reply}", "refused", 0, 0, 0.0)] * len(group)
        return list(zip(group, given, strict=True))

    def _post_or_none(self, path: str, body: dict[str, Any]) -> Mapping[str, Any] | None:
        reply = self._post(path, body)
        return None if isinstance(reply, Refusal) else reply

    def _post(self, path: str, body: dict[str, Any]) -> Mapping[str, Any] | Refusal:
        """The reply; AssayError where the server cannot be had."""
        problem = ""
        for attempt in range(_N_TRIES):
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
            with self._limit.slot():
                if self._is_closing.is_set():
                    raise AssayError("the connection was closed")
                try:
                    reply = self._client.post(self._base + path, json=body)
                except httpx2.TransportError as error:
                    problem = type(error).__name__
                    self._limit.refused(wait_s)
                    continue
                if reply.status_code in _AGAIN:
                    problem = f"status {reply.status_code}"
                    self._limit.refused(_retry_after_s(reply) or wait_s)
                    continue
                self._limit.answered()
                return _content(reply)
        raise AssayError(
            f"The server at {self._base} did not answer in {_N_TRIES} tries ({problem}); what was "
            "answered so far is kept and the same command continues."
        )


def identify(address: str, model: str | None) -> ModelIdentity:
    """The named model of a server, else its first; InputError if it serves none of that name.

    The hash is over the address and what the server says of the model: weights are out of reach.
    """
    base = _base(address)
    try:
        with _client(_CONNECT_S) as client:
            listed = client.get(f"{base}/models").json()["data"]
        names = [str(entry["id"]) for entry in listed]
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "the address of an OpenAI-compatible server",
            f"{address!r}, which does not list its models ({type(error).__name__})",
            "check the address, and that the server runs",
        ) from error
    if not names or (model and model not in names):
        raise InputError(
            f"a model among {', '.join(names) or 'none'}", repr(model), "name one it serves"
        )
    name = model or names[0]
    said = {k: v for k, v in listed[names.index(name)].items() if k != "created"}
    meta = said.get("meta")
    return ModelIdentity(
        name=name,
        sha256=content_key(base, said),
        is_weights_hash=False,
        n_parameters=meta.get("n_params") if isinstance(meta, dict) else None,
        backend=f"server at {base}",
    )


def _base(address: str) -> str:
    bare = address.rstrip("/")
    return bare if bare.endswith("/v1") else f"{bare}/v1"


def _client(timeout_s: float) -> httpx2.Client:
    key = os.environ.get(API_KEY_VARIABLE)
    return httpx2.Client(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx2.Timeout(timeout_s, connect=_CONNECT_S),
        limits=httpx2.Limits(max_connections=_MOST_IN_FLIGHT),
    )


def _content(reply: httpx2.Response) -> Mapping[str, Any] | Refusal:
    words = f"status {reply.status_code}: {reply.text[:2000]}"
    if reply.status_code >= 400:
        return Refusal(reply.status_code, words)
    try:
        content = reply.json()
    except ValueError:
        return Refusal(reply.status_code, words)
    return content if isinstance(content, dict) else Refusal(reply.status_code, words)


def _retry_after_s(reply: httpx2.Response) -> float | None:
    """Seconds that the server asks to wait, given as a number or a date."""
    given = reply.headers.get("Retry-After")
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except ValueError:
        return None
