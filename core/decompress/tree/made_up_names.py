"""Meaningless words, to measure what support they get."""

from __future__ import annotations

import numpy as np

from assay.core.specs.model_calls import seed_of

_ONSETS = tuple("bdfgjklmnprstvwz")
_VOWELS = tuple("aeiou")
_ENDS = tuple("bdgkltxz")


def nonsense_words(n: int, seed: int) -> list[str]:
    """``n`` different pronounceable words of two syllables; the same seed gives the same words."""
    generator = np.random.default_rng(seed_of(seed, "nonsense"))

    def syllable() -> str:
        return str(generator.choice(_ONSETS) + generator.choice(_VOWELS))

    words: dict[str, None] = {}
    while len(words) < n:
        words[syllable() + syllable() + str(generator.choice(_ENDS))] = None
    return list(words)
