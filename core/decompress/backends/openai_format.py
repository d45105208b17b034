"""The completions dialect that llama.cpp, vLLM and most servers speak: calls to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assay.core.decompress.backends.base import Scoring, Traits
from assay.core.specs.model_calls import Answer, Call

CHAT_PATH, RAW_PATH = "/chat/completions", "/completions"


class Garbled(Exception):
    """An answer without the parts that every answer has."""


def grouped(calls: Sequence[Call], most: int) -> Iterator[list[Call]]:
    """Runs of at most ``most`` calls that are samples of one prompt under seeds in a row."""
    group: list[Call] = []
    for call in calls:
        if group and (len(group) >= most or not _follows(group[-1], call)):
            yield group
            group = []
        group.append(call)
    if group:
        yield group


def request(group: Sequence[Call], model: str, traits: Traits) -> tuple[str, dict[str, Any]]:
    """Path and JSON body that ask all of a group at once."""
    first = group[0]
    body: dict[str, Any] = {"model": model, "seed": first.seed}
    if first.continuation is not None:
        return RAW_PATH, {**body, **_scoring(first, traits.scoring)}
    # Always said: a server's own default may be as short as 16 tokens.
    body["max_tokens"] = first.sampling.max_tokens
    body["temperature"], body["top_p"] = first.sampling.temperature, first.sampling.top_p
    if traits.honours_top_k:
        body["top_k"], body["min_p"] = first.sampling.top_k, first.sampling.min_p
    if first.sampling.stop:
        body["stop"] = list(first.sampling.stop)
    if len(group) > 1:
        body["n"] = len(group)
    if first.schema is not None and traits.honours_schema:
        named = {"name": "answer", "schema": first.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    if first.is_chat:
        body["messages"] = [{"role": "user", "content": first.prompt}]
        return CHAT_PATH, {**body, **({"logprobs": True} if traits.honours_logprobs else {})}
    body["prompt"] = first.prompt
    return RAW_PATH, {**body, **({"logprobs": 1} if traits.honours_logprobs else {})}


def answers(
    group: Sequence[Call], reply: Mapping[str, Any], duration_s: float, traits: Traits
) -> list[Answer]:
    """One answer a call of the group; Garbled where the reply lacks some."""
    try:
        choices = sorted(reply["choices"], key=lambda choice: choice.get("index", 0))
        usage = reply.get("usage") or {}
        if group[0].continuation is not None:
            return [_scored(group[0], choices[0], usage, duration_s, traits)]
        found = [_drawn(choice, usage, len(group), duration_s) for choice in choices]
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Garbled(f"{type(error).__name__}: {error}") from error
    if len(found) != len(group):
        raise Garbled(f"{len(group)} answers were asked for and {len(found)} came")
    return found


def token_logprobs(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Tokens with their log-probabilities, from either way of writing them; [] without."""
    given = choice.get("logprobs") or {}
    if given.get("content"):
        return [(token["token"], token["logprob"]) for token in given["content"]]
    if given.get("token_logprobs"):
        return [
            (token, logprob)
            for token, logprob in zip(given["tokens"], given["token_logprobs"], strict=True)
            if logprob is not None
        ]
    return []


def literal_grammar(text: str) -> str:
    """A llama.cpp grammar (GBNF) that allows ``text`` and nothing else."""
    return f"root ::= {json.dumps(text, ensure_ascii=False)}"


def _follows(before: Call, call: Call) -> bool:
    return (
        call.continuation is None
        and call.seed == before.seed + 1
        and (call.prompt, call.is_chat, call.sampling, call.schema)
        == (before.prompt, before.is_chat, before.sampling, before.schema)
    )


def _scoring(call: Call, scoring: Scoring | None) -> dict[str, Any]:
    assert call.continuation is not None
    if scoring is Scoring.GRAMMAR:
        return {
            "prompt": call.prompt,
            "grammar": literal_grammar(call.continuation),
            "max_tokens": len(call.continuation.encode()) + 1,
            "temperature": 0,
            "logprobs": 1,
        }
    # One token more is drawn: most servers refuse to draw none.
    body = {"max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}
    return {**body, "prompt": call.prompt + call.continuation}


def _scored(
    call: Call, choice: Mapping[str, Any], usage: Mapping[str, Any], duration_s: float, t: Traits
) -> Answer:
    assert call.continuation is not None
    start = len(call.prompt) if t.scoring is Scoring.ECHO else 0
    end = start + len(call.continuation)
    logprobs, at = [], 0
    # Offsets in text are counted here: not every server that echoes gives them.
    for token, logprob in _all_tokens(choice):
        if start <= at < end and token:
            logprobs.append(logprob)
        at += len(token)
    if not logprobs or any(logprob is None for logprob in logprobs):
        raise Garbled("no log-probabilities of the continuation")
    n_prompt_tokens = int(usage.get("prompt_tokens", 0))
    return Answer("", "stop", n_prompt_tokens, len(logprobs), duration_s, sum(logprobs))


def _all_tokens(choice: Mapping[str, Any]) -> list[tuple[str, Any]]:
    given = choice["logprobs"]
    if given.get("content"):
        return [(token["token"], token["logprob"]) for token in given["content"]]
    return list(zip(given["tokens"], given["token_logprobs"], strict=True))


def _drawn(
    choice: Mapping[str, Any], usage: Mapping[str, Any], n_asked: int, duration_s: float
) -> Answer:
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    tokens = token_logprobs(choice)
    # Usage is of the whole request, or of one answer of it, as servers like it.
    n_tokens = len(tokens) or int(usage.get("completion_tokens", 0)) // n_asked
    return Answer(
        text=text or "",
        finish="length" if choice.get("finish_reason") == "length" else "stop",
        n_prompt_tokens=int(usage.get("prompt_tokens", 0)),
        n_tokens=n_tokens,
        duration_s=duration_s / n_asked,
        logprob=sum(logprob for _, logprob in tokens) if tokens else None,
    )
