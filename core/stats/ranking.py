"""Rankings in which no equal scores are told apart by the order of the documents.

Corpora often come trained documents first. Where a score is the same for many of them, their order
alone would put the recall at its ceiling, or at zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Scores that spread by less than this part of the largest differ by rounding alone.
_ROUNDING = 1e-6
# Apart from the random strategy's own draw, which takes the seed itself.
_STREAM = 3


def drawn_order(n: int, seed: int) -> NDArray[np.int64]:
    """The order in which n documents that nothing tells apart are taken, (n)."""
    return np.random.default_rng([seed, _STREAM]).permutation(n)


def ranked(scores: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """The documents from the highest score to the lowest, (n); equal ones in a drawn order."""
    order = drawn_order(len(scores), seed)
    if all_equal(scores):
        return order
    return order[np.argsort(-scores[order], kind="stable")]


def all_equal(scores: NDArray[np.float64]) -> bool:
    """Whether the scores are one value but for rounding, so that they rank nothing."""
    if len(scores) < 2:
        return False
    largest = np.abs(scores).max()
    return bool(np.ptp(scores) <= _ROUNDING * largest)
