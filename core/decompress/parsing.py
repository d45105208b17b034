"""Parses answers, strictest first: enforced JSON, JSON, repaired JSON, plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from json_repair import repair_json

from assay.core.decompress.topic_names import is_name, split_list
from assay.core.specs.decompression import ParseOutcome
from assay.core.specs.plain import JsonObject

# json-repair takes more than linear time on some texts. Texts that are longer, or nested deeper,
# than any answer we ask for are not repaired. The longest answer we ask for has 1,024 tokens.
_LONGEST_REPAIRED = 20_000
_DEEPEST = 50
# The rest of a longer text is not read; no list and no grade is that long.
_LONGEST_READ = 100_000


def read_object(
    text: str, fields: Sequence[str], is_enforced: bool
) -> tuple[JsonObject | None, ParseOutcome]:
    """The JSON object with all of ``fields`` filled; None and FAILED if there is none.

    A zero counts as filled. json-repair makes an object of any text, so one with a missing or empty
    field counts as a failure.
    """
    if len(text) > _LONGEST_READ or _depth(text) > _DEEPEST:
        return None, ParseOutcome.FAILED
    try:
        found = json.loads(text)
        rung = ParseOutcome.SCHEMA if is_enforced else ParseOutcome.STRICT
    except ValueError:
        found, rung = _repaired(_without_fence(text)), ParseOutcome.REPAIRED
    if isinstance(found, dict) and all(_is_filled(found.get(field)) for field in fields):
        return found, rung
    return None, ParseOutcome.FAILED


def read_names(
    text: str, is_json: bool, is_enforced: bool, is_cut: bool
) -> tuple[list[str], ParseOutcome]:
    """Topic names from an answer, without repeats; the last name of a truncated answer is left out.

    ``is_json`` if JSON was asked for; a plain list is accepted too.
    """
    names: list[str] = []
    rung = ParseOutcome.FAILED
    if is_json:
        found, rung = read_object(text, ("subtopics",), is_enforced)
        given = found["subtopics"] if found else []
        if isinstance(given, list):
            names = [str(name) for name in given if isinstance(name, str | int | float)]
    text = text[:_LONGEST_READ]
    # Braces mean empty JSON, not a list.
    if not names and "{" not in text:
        names, rung = split_list(text), ParseOutcome.LINES
    if is_cut and rung is not ParseOutcome.SCHEMA:
        names = names[:-1]
    kept = list(dict.fromkeys(name for name in names if is_name(name)))
    return kept, rung if kept else ParseOutcome.FAILED


def read_parts(text: str, labels: Sequence[str]) -> Mapping[str, str] | None:
    """The text after each of ``labels`` ("Label:" at the start of a line); None if one is missing.

    What precedes the first label belongs to the first, since prompts end with it.
    """
    text = text[:_LONGEST_READ]
    pattern = re.compile(
        rf"^[ \t#*]*({'|'.join(map(re.escape, labels))})[ \t*]*:[ \t*]*", re.MULTILINE | re.I
    )
    pieces = pattern.split(text)
    parts = {labels[0]: pieces[0].strip()}
    for label, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        name = next(one for one in labels if one.casefold() == label.casefold())
        parts[name] = parts.get(name) or piece.strip()
    return parts if all(parts.get(label) for label in labels) else None


def read_grades(
    text: str, axes: Sequence[str], best: int, is_json: bool, is_enforced: bool
) -> tuple[Mapping[str, int] | None, ParseOutcome]:
    """A whole number from 0 to ``best`` for each of ``axes``; None if one is missing or different.

    If JSON was asked for, "axis: number" in plain text is accepted too.
    """
    if is_json:
        found, rung = read_object(text, axes, is_enforced)
        grades = {axis: _whole(found[axis], best) for axis in axes} if found else {}
        read = {axis: grade for axis, grade in grades.items() if grade is not None}
        if len(read) == len(axes):
            return read, rung
        if found:
            return None, ParseOutcome.FAILED
    # Only from the start of a word: every other start would read the rest of it again.
    pairs = re.findall(
        r"(?<![a-z])([a-z]+)[\s\"'*:=]+(-?\d+(?:\.\d+)?)(?![\d.]*\d)", text[:_LONGEST_READ].lower()
    )
    named: dict[str, int | None] = {}
    for axis, number in pairs:
        named.setdefault(axis, _whole(number, best))
    plain = {axis: grade for axis in axes if (grade := named.get(axis)) is not None}
    return (plain, ParseOutcome.LINES) if len(plain) == len(axes) else (None, ParseOutcome.FAILED)


def _is_filled(value: Any) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _whole(value: Any, best: int) -> int | None:
    """The number, if it is a whole one in range; it is never rounded or clipped."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    is_grade = not isinstance(value, bool) and number.is_integer() and 0 <= number <= best
    return int(number) if is_grade else None


def _repaired(text: str) -> Any:
    """What json-repair makes of a text; None if it fails."""
    if len(text) > _LONGEST_REPAIRED:
        return None
    try:
        return repair_json(text, return_objects=True)
    except (ValueError, RecursionError):
        return None


def _depth(text: str) -> int:
    """How deeply brackets are nested; brackets in strings count too."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[\]{}]", text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _without_fence(text: str) -> str:
    fenced = re.search(r"```(?:json)?\s*(.*?)(?:```|$)", text, re.DOTALL)
    return fenced.group(1) if fenced else text
