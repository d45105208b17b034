"""Whether a topic is named in more of one run's lists than of another's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # loads its parts when they are first used, see stats/intervals.py
from numpy.typing import NDArray

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class VoteChanges:
    """Second share minus first, two-sided p-values and q-values, each (n, float64)."""

    differences: NDArray[np.float64]
    p_values: NDArray[np.float64]
    q_values: NDArray[np.float64]


def could_differ(
    first: NDArray[np.int64], second: NDArray[np.int64], n_lists: int
) -> NDArray[np.bool_]:
    """Which topics, (n), have enough votes in both runs together for any split to be significant.

    Only the sum decides, on which Fisher's test conditions, so the choice does not bias it (Tarone
    1990). A topic that one run names once can never be significant.
    """
    least = [
        min(_p_value(total - k, k, n_lists) for k in (min(total, n_lists), max(0, total - n_lists)))
        for total in range(2 * n_lists + 1)
    ]
    return np.asarray(least)[first + second] <= SIGNIFICANCE


def vote_changes(first: NDArray[np.int64], second: NDArray[np.int64], n_lists: int) -> VoteChanges:
    """Votes of each topic in ``n_lists`` lists of either run, (n) each: Fisher's exact test.

    q-values are Benjamini and Hochberg's over all of them. Lists must be sampled independently, in
    answer to the same question.
    """
    votes = np.stack([first, second], axis=1)
    different, place = np.unique(votes, axis=0, return_inverse=True)
    p_values = np.array([_p_value(int(a), int(b), n_lists) for a, b in different])[place.ravel()]
    return VoteChanges(
        (second - first) / n_lists,
        p_values,
        scipy.stats.false_discovery_control(p_values) if len(p_values) else p_values,
    )


@lru_cache(maxsize=1 << 16)
def _p_value(first: int, second: int, n_lists: int) -> float:
    table = [[first, n_lists - first], [second, n_lists - second]]
    return float(scipy.stats.fisher_exact(table).pvalue)
