"""The completions API that llama.cpp, vLLM and most servers have: calls to JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from assay.core.decompress.backends.base import Scoring, Traits
from assay.core.decompress.backends.words import error_words, quoted
from assay.core.decompress.tokens import approximate_tokens
from assay.core.specs.model_calls import Answer, Call, Refusal
from assay.core.specs.plain import JsonObject

CHAT_PATH, RAW_PATH = "/chat/completions", "/completions"
# The alternative name if a server rejects the usual one (OpenAI's reasoning models).
_OTHER_NAMES = {"max_tokens": "max_completion_tokens"}
# No token is longer than this on average over an answer; a longer text is not the answer to our
# question.
_MOST_CHARACTERS_A_TOKEN = 40
_LEAST_ROOM = 1000
# Where servers put a model's reasoning.
_THOUGHTS = ("reasoning_content", "reasoning")


class Garbled(Exception):
    """An answer without the parts that every answer has."""


def grouped(calls: Sequence[Call], most: int) -> Iterator[list[Call]]:
    """Runs of at most ``most`` calls that are samples of one prompt with consecutive seeds."""
    group: list[Call] = []
    for call in calls:
        if group and (len(group) >= most or not _follows(group[-1], call)):
            yield group
            group = []
        group.append(call)
    if group:
        yield group


def request(group: Sequence[Call], model: str, traits: Traits) -> tuple[str, JsonObject]:
    """Path and JSON body of one request for a whole group."""
    path, body = _request(group, model, traits)
    return path, accepted(body, traits.refuses)


def accepted(body: JsonObject, refuses: Sequence[str]) -> JsonObject:
    """The body without the parameters that a server rejects, or with their other names."""
    return {
        _OTHER_NAMES[name] if name in refuses else name: value
        for name, value in body.items()
        if name not in refuses or name in _OTHER_NAMES
    }


def answers(
    group: Sequence[Call], reply: JsonObject, duration_s: float, traits: Traits
) -> list[Answer | Refusal]:
    """One answer per call, or the reason for none; Garbled if the reply is incomplete."""
    error = error_words(reply)
    if error:
        raise Garbled(error)
    try:
        choices = sorted(reply["choices"], key=lambda choice: choice.get("index") or 0)
        usage = reply.get("usage") or {}
        if group[0].continuation is not None:
            return [_scored(group[0], choices[0], usage, duration_s, traits)]
        if len(choices) != len(group):
            raise Garbled(f"{len(choices)} instead of {len(group)} answers: {quoted(reply, 200)}")
        return [
            _drawn(call, choice, usage, len(group), duration_s)
            for call, choice in zip(group, choices, strict=True)
        ]
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OverflowError) as other:
        raise Garbled(f"a reply of unknown form: {quoted(reply)}") from other


def text_of(choice: JsonObject) -> str:
    """The text of a choice, "" without one; TypeError or KeyError if it has another form."""
    said = choice["message"]["content"] if "message" in choice else choice["text"]
    if isinstance(said, list):  # a list of parts, some of which are reasoning
        said = "".join(part["text"] for part in said if part.get("type") == "text")
    if not isinstance(said, str | None):
        raise TypeError("not a valid text")
    # JSON can contain half a UTF-16 character, which is not valid text.
    return (said or "").encode("utf-8", "replace").decode()


def silence(choice: JsonObject) -> str:
    """Why a choice has no text, as far as it says."""
    message = choice.get("message")
    told: JsonObject = message if isinstance(message, dict) else {}
    if isinstance(told.get("refusal"), str) and told["refusal"]:
        return f"a refusal: {quoted(told['refusal'])}"
    for name in _THOUGHTS:
        if isinstance(told.get(name), str) and told[name]:
            return (
                f"only reasoning ({name}) and no answer within the token limit; switch "
                f"reasoning off on the server. It wrote: {quoted(told[name], 200)}"
            )
    return f"an answer without text (finish_reason {quoted(choice.get('finish_reason'), 40)})"


def token_logprobs(choice: JsonObject) -> list[tuple[str, float]]:
    """Tokens with their log-probabilities, from either format; [] without."""
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


def _request(group: Sequence[Call], model: str, traits: Traits) -> tuple[str, JsonObject]:
    first = group[0]
    body: dict[str, Any] = {"model": model, "seed": first.seed}
    if first.continuation is not None:
        return RAW_PATH, {**body, **_scoring(first, traits.scoring)}
    # Always sent: a server's own default may be as short as 16 tokens.
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


def _follows(before: Call, call: Call) -> bool:
    return (
        call.continuation is None
        and call.seed == before.seed + 1
        and (call.prompt, call.is_chat, call.sampling, call.schema)
        == (before.prompt, before.is_chat, before.sampling, before.schema)
    )


def _scoring(call: Call, scoring: Scoring | None) -> JsonObject:
    assert call.continuation is not None
    if scoring is Scoring.GRAMMAR:
        return {
            "prompt": call.prompt,
            "grammar": literal_grammar(call.continuation),
            "max_tokens": len(call.continuation.encode()) + 1,
            "temperature": 0,
            "logprobs": 1,
        }
    # One token is sampled as well, because most servers refuse to sample none.
    body = {"max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}
    return {**body, "prompt": call.prompt + call.continuation}


def _scored(
    call: Call, choice: JsonObject, usage: JsonObject, duration_s: float, t: Traits
) -> Answer:
    assert call.continuation is not None
    start = len(call.prompt) if t.scoring is Scoring.ECHO else 0
    end = start + len(call.continuation)
    logprobs, at = [], 0
    # Offsets in the text are counted here, because not every server with `echo` returns them.
    for token, logprob in _all_tokens(choice):
        if start <= at < end and token:
            logprobs.append(logprob)
        at += len(token)
    if not logprobs or not all(_is_logprob(logprob) for logprob in logprobs):
        raise Garbled("no log-probabilities of the continuation")
    n_prompt_tokens = _count(usage, "prompt_tokens") or approximate_tokens(call.prompt)
    return Answer("", "stop", n_prompt_tokens, len(logprobs), duration_s, sum(logprobs))


def _all_tokens(choice: JsonObject) -> list[tuple[str, Any]]:
    given = choice["logprobs"]
    if given.get("content"):
        return [(token["token"], token["logprob"]) for token in given["content"]]
    return list(zip(given["tokens"], given["token_logprobs"], strict=True))


def _drawn(
    call: Call, choice: JsonObject, usage: JsonObject, n_asked: int, duration_s: float
) -> Answer | Refusal:
    text = text_of(choice)
    for stop in call.sampling.stop:  # some servers do not stop there
        text = text.split(stop, 1)[0]
    if not text.strip():
        return Refusal(silence(choice))
    room = _LEAST_ROOM + _MOST_CHARACTERS_A_TOKEN * call.sampling.max_tokens
    if len(text) > room:
        return Refusal(
            f"an answer of {len(text):,} characters for a limit of {call.sampling.max_tokens:,} "
            f"tokens: {quoted(text, 100)}"
        )
    tokens = token_logprobs(choice)
    if not all(_is_logprob(logprob) for _, logprob in tokens):
        tokens = []
    # Some servers report the usage of the whole request, others that of one answer.
    n_tokens = len(tokens) or _count(usage, "completion_tokens") // n_asked
    return Answer(
        text=text,
        finish="length" if choice.get("finish_reason") == "length" else "stop",
        n_prompt_tokens=_count(usage, "prompt_tokens") or approximate_tokens(call.prompt),
        n_tokens=n_tokens or approximate_tokens(text),
        duration_s=duration_s / n_asked,
        logprob=sum(logprob for _, logprob in tokens) if tokens else None,
    )


def _count(usage: JsonObject, name: str) -> int:
    """A number of tokens that a server reports; 0 if it reports no plausible one."""
    n = usage.get(name)
    return n if isinstance(n, int) and 0 < n < 2**31 else 0


def _is_logprob(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
