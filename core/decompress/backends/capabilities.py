"""What a server honours, found by asking it: servers drop what they do not know without a word."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

from assay.core.decompress.backends.base import Scoring, Traits
from assay.core.decompress.backends.openai_format import (
    CHAT_PATH,
    RAW_PATH,
    literal_grammar,
    token_logprobs,
)
from assay.core.specs.model_calls import Call, Sampling

# Sends a JSON body to a path and returns the reply, None where the server refuses it.
Post = Callable[[str, dict[str, Any]], Mapping[str, Any] | None]

_PROMPT = "Ten words that nobody expects:"
# Words no model says unless its output is constrained to them.
_SCHEMA = {
    "type": "object",
    "properties": {"code": {"enum": ["qx-71-vrrn", "zk-05-plom"]}},
    "required": ["code"],
    "additionalProperties": False,
}
# Questions that differ in their mark alone.
_N_MARKED = 3
# Longer than any default known: ScalarLM's is 16.
_N_TOKENS = 20


def probe(post: Post, model: str, n_wanted: int) -> Traits:
    """Ask a few short questions and see which of seed, n, schema, log-probabilities and the limits
    of the draw count."""
    raw = _first_path(post, model)
    path = raw or CHAT_PATH

    def ask(seed: int, prompt: str = _PROMPT, **options: Any) -> Mapping[str, Any] | None:
        return post(path, _body(path, model, prompt, seed, **options))

    first, again, other = (_texts(ask(seed)) for seed in (1, 1, 2))
    is_repeating = first == other != []
    # Drawn, since the server may remember the marks of an earlier probe.
    marked = [
        _texts(ask(seed, prompt=Call("probe", _PROMPT, Sampling(_N_TOKENS), seed).marked().prompt))
        for seed in (random.sample(range(10**6), _N_MARKED) if is_repeating else ())
    ]
    # Of one token each there is one answer, whatever the seed.
    only, same = (_texts(ask(seed, top_k=1, min_p=0.5)) for seed in (8, 9))
    several = _texts(ask(3, n=n_wanted))
    with_logprobs = ask(4, logprobs=1 if raw else True)
    return Traits(
        has_raw_prompts=raw is not None,
        has_chat=_texts(post(CHAT_PATH, _body(CHAT_PATH, model, "Hello", 5))) != [],
        honours_schema=_honours_schema(post, model),
        honours_seed=first == again != other,
        honours_n=len(several) == n_wanted,
        honours_logprobs=_has_logprobs(with_logprobs),
        scoring=_scoring(post, model) if raw else None,
        honours_top_k=only == same != [],
        repeats_answers=is_repeating,
        is_told_apart_by_mark=is_repeating and len({*map(str, marked)}) == _N_MARKED,
    )


def _first_path(post: Post, model: str) -> str | None:
    is_there = _texts(post(RAW_PATH, _body(RAW_PATH, model, _PROMPT, 0)))
    return RAW_PATH if is_there else None


def _honours_schema(post: Post, model: str) -> bool:
    named = {"name": "answer", "schema": _SCHEMA, "strict": True}
    options = {"response_format": {"type": "json_schema", "json_schema": named}, "max_tokens": 60}
    reply = post(CHAT_PATH, _body(CHAT_PATH, model, "Say hello.", 6, **options))
    try:
        (text,) = _texts(reply)
        return json.loads(text)["code"] in ("qx-71-vrrn", "zk-05-plom")
    except (ValueError, KeyError, TypeError):
        return False


def _scoring(post: Post, model: str) -> Scoring | None:
    prompt, unlikely = "The sea is", " qx-71-vrrn"
    options = {"temperature": 0, "max_tokens": 20, "logprobs": 1}
    forced = post(
        RAW_PATH,
        _body(RAW_PATH, model, prompt, 7, grammar=literal_grammar(unlikely), **options),
    )
    if _texts(forced) == [unlikely] and _has_logprobs(forced):
        return Scoring.GRAMMAR
    options["max_tokens"] = 1
    echoed = post(RAW_PATH, _body(RAW_PATH, model, prompt + unlikely, 7, echo=True, **options))
    if echoed is None or not _has_logprobs(echoed):
        return None
    said = "".join(token for token, _ in token_logprobs(echoed["choices"][0]))
    return Scoring.ECHO if unlikely.strip() in said else None


def _body(path: str, model: str, prompt: str, seed: int, **options: Any) -> dict[str, Any]:
    asked = (
        {"messages": [{"role": "user", "content": prompt}]}
        if path == CHAT_PATH
        else {"prompt": prompt}
    )
    body = {"model": model, "seed": seed, "max_tokens": _N_TOKENS, "temperature": 1.5}
    return {**body, **asked, **options}


def _texts(reply: Mapping[str, Any] | None) -> list[str]:
    """What was said, one text a choice; [] where nothing readable came back."""
    try:
        return [
            choice["message"]["content"] if "message" in choice else choice["text"]
            for choice in (reply or {})["choices"]
        ]
    except (KeyError, TypeError):
        return []


def _has_logprobs(reply: Mapping[str, Any] | None) -> bool:
    choices = (reply or {}).get("choices") or [{}]
    return bool(token_logprobs(choices[0]))
