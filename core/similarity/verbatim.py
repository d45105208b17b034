"""Unbroken runs of words that one text shares with others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import scipy  # loads its parts when they are first used, see stats/intervals.py

from assay.core.similarity.words import length_in_words, runs, words

# Shorter runs occur in any two texts of a language and are not searched for.
N_LEAST = 5


def longest_shared_runs(texts: Sequence[str], targets: Sequence[str]) -> list[int]:
    """For each text, the longest run (in words) that occurs in any target; 0 if under N_LEAST.

    Verbatim overlap as in GPT-3's and Llama's contamination checks (runs of 8 and 13 words). In
    scripts without spaces, letters are used instead of words (``core.similarity.words``).
    """
    known = [words(target) for target in targets]
    places: defaultdict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, target in enumerate(known):
        for start, end in runs(target, N_LEAST):
            places[tuple(target[start:end])].append((number, start))
    return [_longest(words(text), known, places) for text in texts]


def more_often(n_first: int, n_second: int, n: int, m: int) -> float:
    """One-sided p-value that n_first of n is more than n_second of m (Fisher's exact test).

    Texts are treated as independent, which texts about one topic are only approximately.
    """
    table = [[n_first, n - n_first], [n_second, m - n_second]]
    return float(scipy.stats.fisher_exact(table, alternative="greater").pvalue)


def _longest(
    text: list[str],
    known: Sequence[list[str]],
    places: defaultdict[tuple[str, ...], list[tuple[int, int]]],
) -> int:
    longest = 0
    for at, end in runs(text, N_LEAST):
        for number, start in places.get(tuple(text[at:end]), ()):
            target, length = known[number], end - at
            while (
                at + length < len(text)
                and start + length < len(target)
                and text[at + length] == target[start + length]
            ):
                length += 1
            longest = max(longest, length_in_words(text[at : at + length]))
    return longest
