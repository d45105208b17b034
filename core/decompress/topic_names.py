"""Topic names: what counts as one, and when two are the same."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_CHARACTERS, _MOST_WORDS = 60, 6
_MARKER = re.compile(r"^\s*(?:[-*•–]+|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])\s+")
_IN_WORDS = frozenset("_+#&/")
# Commas of other scripts: Chinese and Japanese, Arabic.
_SEPARATORS = re.compile("[,;、，；،؛]")
_FIRST_CJK = "\u3005"
# Names that mean nothing without their parent; they would connect unrelated branches.
_GENERIC = frozenset(
    {"and", "etc", "more", "other", "general", "various", "miscellaneous", "introduction"}
    | {"overview", "basics", "example", "type", "topic", "subtopic", "none", "na", "unknown"}
)


def split_list(line: str) -> list[str]:
    """The items of a list on one line, or on several lines with bullets or numbers."""
    lines = [_MARKER.sub("", one) for one in line.splitlines() if one.strip()]
    parts = [part for one in lines for part in _items(one)]
    return [name for part in parts if (name := clean(part))]


def _items(line: str) -> list[str]:
    """The items between commas; the last of them is also split at "and"."""
    before, comma, last = " ".join(line.split()).rpartition(",")
    ends = [part for one in _SEPARATORS.split(last) for part in one.split(" and ")]
    return [*(_SEPARATORS.split(before) if comma else ()), *ends]


def clean(text: str) -> str:
    """A name without surrounding bullets, quotes, Markdown or full stop."""
    return " ".join(_MARKER.sub("", text).strip(" \t\"'`*_.:-–[]").split())


def is_name(text: str) -> bool:
    """Whether a cleaned text can be a topic: short, with letters, and not generic."""
    if not 0 < len(text) <= _LONGEST_CHARACTERS or len(text.split()) > _MOST_WORDS:
        return False
    normal = normal_form(text)
    # A single letter of an alphabet is not a name; a single Chinese character may be.
    is_letter = len(normal) == 1 and normal < _FIRST_CJK
    return any(c.isalpha() for c in text) and not is_letter and normal not in _GENERIC


def normal_form(name: str) -> str:
    """The same for names that differ only in case, accents' encoding, punctuation or a plural s."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Python does not count vowel and tone marks of Hindi or Thai as letters, but they are part of
    # the word.
    kept = (c if c.isalnum() or c in _IN_WORDS or _is_mark(c) else " " for c in folded)
    return " ".join(_singular(word) for word in "".join(kept).split())


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _singular(word: str) -> str:
    if len(word) <= 3 or not word.endswith("s") or word.endswith(("ss", "us", "is", "ics")):
        return word
    return word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
