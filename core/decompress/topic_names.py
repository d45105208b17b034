"""Topic names: what counts as one, and when two are the same."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_CHARACTERS, _MOST_WORDS = 60, 6
_MARKER = re.compile(r"^\s*(?:[-*•–]+|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])\s+")
_NOT_A_WORD = re.compile(r"[^\w+#&/ ]+")
# Names that say nothing without their parent, so that they would join unrelated branches.
_GENERIC = frozenset(
    {"and", "etc", "more", "other", "general", "various", "miscellaneous", "introduction"}
    | {"overview", "basics", "example", "type", "topic", "subtopic", "none", "na", "unknown"}
)


def split_list(line: str) -> list[str]:
    """The items of a list written on one line, or on a line each with bullets or numbers."""
    lines = [_MARKER.sub("", one) for one in line.splitlines() if one.strip()]
    parts = [part for one in lines for part in re.split(r"[,;]|\s+and\s+(?=[^,]*$)", one)]
    return [name for part in parts if (name := clean(part))]


def clean(text: str) -> str:
    """A name without bullets, quotes, Markdown or a full stop around it."""
    return " ".join(_MARKER.sub("", text).strip(" \t\"'`*_.:-–[]").split())


def is_name(text: str) -> bool:
    """Whether a cleaned text can be a topic: short, with letters, and not generic."""
    normal = normal_form(text)
    return (
        0 < len(text) <= _LONGEST_CHARACTERS
        and len(text.split()) <= _MOST_WORDS
        and any(letter.isalpha() for letter in text)
        and len(normal) > 1
        and normal not in _GENERIC
    )


def normal_form(name: str) -> str:
    """Equal for names that differ in case, accents' encoding, punctuation or a plural s."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    words = _NOT_A_WORD.sub(" ", folded.replace("-", " ")).split()
    return " ".join(_singular(word) for word in words)


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is", "ics")):
        return word
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
