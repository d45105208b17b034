"""Rankings in which the order of the documents never decides between equal scores.

Corpora often list training documents first. If many documents have the same score, their order
alone would put the recall at its ceiling, or at zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Scores whose spread is below this part of the largest differ only by rounding.
_ROUNDING = 1e-6
# Different from the random strategy's own draw, which uses the seed itself.
_STREAM = 3


def drawn_order(n: int, seed: int) -> NDArray[np.int64]:
    """A random order of n documents with equal scores, (n)."""
    return np.random.default_rng([seed, _STREAM]).permutation(n)


def ranked(scores: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """The documents from the highest score to the lowest, (n); equal ones in random order."""
    order = drawn_order(len(scores), seed)
    if all_equal(scores):
        return order
    return order[np.argsort(-scores[order], kind="stable")]


def all_equal(scores: NDArray[np.float64]) -> bool:
    """Whether the scores are equal up to rounding, so that they rank nothing."""
    if len(scores) < 2:
        return False
    largest = np.abs(scores).max()
    return bool(np.ptp(scores) <= _ROUNDING * largest)
