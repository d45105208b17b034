"""A server's own words about a failure: found, shortened and made safe to print."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_MOST_WORDS = 400
# Only this much of a text is looked at, so an endless one costs nothing.
_MOST_READ = 20_000
# Optional parameters of a question, and those with another name.
ADJUSTABLE = ("max_tokens", "seed", "temperature", "top_p", "stop")


def quoted(said: object, most: int = _MOST_WORDS) -> str:
    """A text on one line, without control, formatting or unpaired characters, cut at ``most``."""
    try:
        text = str(said)[:_MOST_READ]
    except RecursionError:
        text = "endlessly nested brackets"
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def read_json(body: bytes) -> Any:
    """A body's JSON; ValueError if it is not valid, or contains NaN or infinity."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("endlessly nested brackets") from error


def error_words(content: object) -> str | None:
    """The message of an error object, as OpenAI and others write it; None without one."""
    if not isinstance(content, Mapping):
        return None
    error = content.get("error") or content.get("detail")
    if not error and content.get("object") == "error":
        error = content.get("message") or "an error"
    if not error and "choices" not in content:
        error = content.get("message")
    if isinstance(error, Mapping):
        told = error.get("message") or error.get("detail") or error.get("type")
        error = told if isinstance(told, str) else dict(error)
    return quoted(error if isinstance(error, str) else _as_json(error)) if error else None


def refusal_words(status: int, body: bytes) -> str:
    """``status N: …`` with the message of a body, in whatever format it is."""
    try:
        words = error_words(read_json(body))
    except ValueError:
        words = None
    words = words or quoted(body[:_MOST_READ].decode("utf-8", "replace"))
    return f"status {status}: {words}" if words else f"status {status} without an explanation"


def refused_parameter(words: str, left: Sequence[str]) -> str | None:
    """Which of the parameters ``left`` a refusal is about: the first that it names."""
    named = {
        found.start(): name
        for name in left
        if (found := re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", words))
    }
    return named[min(named)] if named else None


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)[:_MOST_READ]
    except RecursionError:
        return "an error of nested brackets"


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")
