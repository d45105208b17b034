"""What a server supports, found by testing it: servers silently ignore what they do not know."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from assay.core.decompress.backends.base import Scoring, Traits
from assay.core.decompress.backends.openai_format import (
    CHAT_PATH,
    RAW_PATH,
    accepted,
    literal_grammar,
    silence,
    text_of,
    token_logprobs,
)
from assay.core.decompress.backends.words import ADJUSTABLE, error_words, quoted, refused_parameter
from assay.core.errors import AssayError
from assay.core.specs.model_calls import Call, Refusal, Sampling
from assay.core.specs.plain import JsonObject

# Sends a JSON body to a path and returns the reply, or the refusal.
Post = Callable[[str, JsonObject], JsonObject | Refusal]
# Like Post, but None for a refusal.
_Send = Callable[[str, JsonObject], JsonObject | None]

_PROMPT = "Ten words that nobody expects:"
# Words that no model writes unless its output is constrained to them.
_SCHEMA = {
    "type": "object",
    "properties": {"code": {"enum": ["qx-71-vrrn", "zk-05-plom"]}},
    "required": ["code"],
    "additionalProperties": False,
}
# Questions that differ only in their mark.
_N_MARKED = 3
# Longer than any known default: ScalarLM's is 16.
_N_TOKENS = 20
# Enough time for a model that reasons before it answers.
_N_TOKENS_TO_THINK = 512
# A stop string that ends no answer, to test whether stop strings are allowed.
_NEVER_SAID = "\nqx-71-vrrn"
_GUESSES = (("max_tokens",), ("seed",), ("max_tokens", "seed"), ADJUSTABLE)


# Statuses that mean that a request is not understood, not that it is never allowed.
_NOT_UNDERSTOOD = {400, 422}


def probe(post: Post, model: str, n_wanted: int) -> Traits:
    """Ask a few short questions to find out what the server supports (see ``Traits``).

    AssayError, in the server's own words, if it answers none of them.
    """
    raw, refuses = _accepted_by(post, RAW_PATH, model)
    chat, chat_refuses = _accepted_by(post, CHAT_PATH, model)
    if isinstance(raw, Refusal) and isinstance(chat, Refusal):
        raise AssayError(_unanswered(raw, chat))
    has_raw = not isinstance(raw, Refusal)
    path = RAW_PATH if has_raw else CHAT_PATH
    # What one path rejects is left out on both: they rarely differ.
    refuses = tuple(dict.fromkeys((*refuses, *chat_refuses)))

    def send(to: str, body: JsonObject) -> JsonObject | None:
        reply = post(to, accepted(body, refuses))
        return None if isinstance(reply, Refusal) else reply

    def ask(seed: int, prompt: str = _PROMPT, **options: Any) -> JsonObject | None:
        return send(path, _body(path, model, prompt, seed, **options))

    first, again, other = (_texts(ask(seed)) for seed in (1, 1, 2))
    is_repeating = first == other != []
    # Random, because the server may remember the marks of an earlier probe.
    marked = [
        _texts(ask(seed, prompt=Call("probe", _PROMPT, Sampling(_N_TOKENS), seed).marked().prompt))
        for seed in (random.sample(range(10**6), _N_MARKED) if is_repeating else ())
    ]
    # With one token each there is only one answer, whatever the seed.
    only, same = (_texts(ask(seed, top_k=1, min_p=0.5)) for seed in (8, 9))
    several = _texts(ask(3, n=n_wanted))
    with_logprobs = ask(4, logprobs=1 if has_raw else True)
    return Traits(
        has_raw_prompts=has_raw,
        has_chat=not isinstance(chat, Refusal),
        honours_schema=_honours_schema(send, model),
        honours_seed=first == again != other and "seed" not in refuses,
        honours_n=len(several) == n_wanted,
        honours_logprobs=_has_logprobs(with_logprobs),
        scoring=_scoring(send, model) if has_raw else None,
        honours_top_k=only == same != [],
        repeats_answers=is_repeating,
        is_told_apart_by_mark=is_repeating and len({*map(str, marked)}) == _N_MARKED,
        refuses=refuses,
    )


def _accepted_by(post: Post, path: str, model: str) -> tuple[JsonObject | Refusal, tuple[str, ...]]:
    """The first reply with a text on a path, and the parameters that had to be left out for it."""
    body = _body(path, model, _PROMPT, 0, top_p=1.0, stop=[_NEVER_SAID])
    first = reply = _read(post(path, body))
    refuses: list[str] = []
    # Leave out the parameter that the refusal names, then the one that the next refusal names.
    while isinstance(reply, Refusal) and reply.status in _NOT_UNDERSTOOD:
        left = [name for name in ADJUSTABLE if name not in refuses]
        name = refused_parameter(reply.words, left)
        if name is None:
            break
        refuses.append(name)
        reply = _read(post(path, accepted(body, refuses)))
    if not isinstance(reply, Refusal):
        return reply, tuple(refuses)
    if isinstance(first, Refusal) and first.status in _NOT_UNDERSTOOD:
        for guess in _GUESSES:  # some refuse without naming a parameter
            reply = _read(post(path, accepted(body, guess)))
            if not isinstance(reply, Refusal):
                return reply, guess
    if isinstance(first, Refusal) and first.status is None:
        # The answer was empty, which another seed may fix; or only the reasoning was too long.
        more = _body(path, model, _PROMPT, 1, max_tokens=_N_TOKENS_TO_THINK)
        reply = _read(post(path, more))
        if not isinstance(reply, Refusal):
            return reply, ()
    return first, ()


def _read(reply: JsonObject | Refusal) -> JsonObject | Refusal:
    """The reply; a Refusal if it has no text."""
    if isinstance(reply, Refusal):
        return reply
    error = error_words(reply)
    if error:
        return Refusal(f"an error inside a reply: {error}", 400)
    try:
        choices = list(reply["choices"])
        return (
            reply if any(text_of(one).strip() for one in choices) else Refusal(silence(choices[0]))
        )
    except (KeyError, TypeError, IndexError, AttributeError):
        return Refusal(f"a reply of unknown form: {quoted(reply)}")


def _unanswered(raw: Refusal, chat: Refusal) -> str:
    words = [f"to {RAW_PATH} {raw.words}", f"to {CHAT_PATH} {chat.words}"]
    return f"The server did not answer any question: {'; '.join(words)}. Nothing was saved."


def _honours_schema(send: _Send, model: str) -> bool:
    named = {"name": "answer", "schema": _SCHEMA, "strict": True}
    options = {"response_format": {"type": "json_schema", "json_schema": named}, "max_tokens": 60}
    reply = send(CHAT_PATH, _body(CHAT_PATH, model, "Say hello.", 6, **options))
    try:
        (text,) = _texts(reply)
        return json.loads(text)["code"] in ("qx-71-vrrn", "zk-05-plom")
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _scoring(send: _Send, model: str) -> Scoring | None:
    prompt, unlikely = "The sea is", " qx-71-vrrn"
    options = {"temperature": 0, "max_tokens": 20, "logprobs": 1}
    forced = send(
        RAW_PATH,
        _body(RAW_PATH, model, prompt, 7, grammar=literal_grammar(unlikely), **options),
    )
    if _texts(forced) == [unlikely] and _has_logprobs(forced):
        return Scoring.GRAMMAR
    options["max_tokens"] = 1
    echoed = send(RAW_PATH, _body(RAW_PATH, model, prompt + unlikely, 7, echo=True, **options))
    if echoed is None or not _has_logprobs(echoed):
        return None
    said = "".join(str(token) for token, _ in token_logprobs(echoed["choices"][0]))
    return Scoring.ECHO if unlikely.strip() in said else None


def _body(path: str, model: str, prompt: str, seed: int, **options: Any) -> JsonObject:
    asked = (
        {"messages": [{"role": "user", "content": prompt}]}
        if path == CHAT_PATH
        else {"prompt": prompt}
    )
    body = {"model": model, "seed": seed, "max_tokens": _N_TOKENS, "temperature": 1.5}
    return {**body, **asked, **options}


def _texts(reply: JsonObject | None) -> list[str]:
    """The texts of a reply, one per choice; [] if nothing readable came back."""
    try:
        texts = [text_of(choice) for choice in (reply or {})["choices"]]
    except (KeyError, TypeError, AttributeError):
        return []
    return texts if any(text.strip() for text in texts) else []


def _has_logprobs(reply: JsonObject | None) -> bool:
    try:
        return bool(token_logprobs((reply or {})["choices"][0]))
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        return False
