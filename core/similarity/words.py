"""Texts as comparable words, in any script; in scripts without spaces, letters are used instead.

Texts are compared in lowercase and in one form of width and accents (Unicode NFKC). Chinese and
Japanese are split into letters, Thai, Lao, Khmer and Burmese into letters with their marks. A word
has about two letters in the first group and three in the second, and letters are counted
accordingly: so lengths are in words in every language.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

# The count of a word, and of a letter in either kind of script, so that sums are whole numbers.
WORD = 6
_IDEOGRAPH, _SYLLABLE = 3, 2

_IDEOGRAPHS = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Without their digits, which stay together like other digits.
_SYLLABLES = (
    "\u0e01-\u0e4e\u0e80-\u0ecf\u0edc-\u0edf\u1000-\u103f\u1050-\u109f\u1780-\u17df\u1950-\u19cf"
    "\u1a20-\u1a7f\ua9e0-\ua9ef\uaa60-\uaa7f"
)


def words(text: str) -> list[str]:
    """Words, and letters that stand for words, in lowercase, without punctuation."""
    return _word_pattern().findall(_one_form(text))


def words_and_marks(text: str) -> list[str]:
    """As ``words``, with punctuation kept where it is written."""
    return _chunk_pattern().findall(_one_form(text))


def words_and_punctuation(text: str) -> list[str]:
    """As ``words``, with each punctuation mark as a unit of its own."""
    return _single_pattern().findall(_one_form(text))


def n_words(text: str) -> int:
    """How many words a text has, approximately as a reader of its language would count."""
    return -(-sum(map(_weight, words_and_marks(text))) // WORD)


def length_in_words(units: Sequence[str]) -> int:
    """How many whole words these units make."""
    return sum(map(_weight, units)) // WORD


def runs(units: Sequence[str], n: int) -> Iterator[tuple[int, int]]:
    """Start and end of the shortest run of at least ``n`` words from each place that has one."""
    weights = [_weight(unit) for unit in units]
    end = total = 0
    for start, weight in enumerate(weights):
        while total < n * WORD and end < len(weights):
            total += weights[end]
            end += 1
        if total < n * WORD:
            return
        yield start, end
        total -= weight


def _one_form(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _weight(unit: str) -> int:
    # A letter may carry marks, which do not determine its script.
    if _is_ideograph(unit[0]):
        return _IDEOGRAPH
    return _SYLLABLE if _is_syllable(unit[0]) else WORD


_is_ideograph = re.compile(f"[{_IDEOGRAPHS}]").match
_is_syllable = re.compile(f"[{_SYLLABLES}]").match


@cache
def _word_pattern() -> re.Pattern[str]:
    return re.compile(_word())


@cache
def _single_pattern() -> re.Pattern[str]:
    return re.compile(rf"{_word()}|[^\w\s{_marks()}]")


@cache
def _chunk_pattern() -> re.Pattern[str]:
    return re.compile(rf"{_letter()}|[^\s{_IDEOGRAPHS}{_SYLLABLES}]+")


def _word() -> str:
    # \w has no marks, which would cut Hindi and Thai words to pieces.
    return rf"{_letter()}|(?:(?![{_IDEOGRAPHS}{_SYLLABLES}])\w[{_marks()}]*)+"


def _letter() -> str:
    return rf"[{_IDEOGRAPHS}{_SYLLABLES}][{_marks()}]*"


@cache
def _marks() -> str:
    """Combining marks, as character ranges of a pattern."""
    points = (
        p for p in range(min(sys.maxunicode, 0x1FFFF)) if unicodedata.category(chr(p))[0] == "M"
    )
    spans = [
        [point for _, point in span]
        for _, span in groupby(enumerate(points), key=lambda pair: pair[1] - pair[0])
    ]
    return "".join(f"{chr(span[0])}-{chr(span[-1])}" for span in spans)
