"""Whether one set of documents is nearer to a target than another is, compared with chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.transport import transport_distance
from assay.core.stats.intervals import random_band

N_SHUFFLES = 199


@dataclass(frozen=True)
class TransportComparison:
    """Transport distances to the target; ``lead`` is by how much the first set is nearer.

    ``null_low``, ``null_high``: the lead's central 95% if branches are swapped at random;
    ``p_value`` is one-sided, for a lead at least as large.
    """

    first: float
    second: float
    null_low: float
    null_high: float
    p_value: float

    @property
    def lead(self) -> float:
        return self.second - self.first


def compare_transport(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    target: NDArray[np.float32],
    first_branches: NDArray[np.int64],
    second_branches: NDArray[np.int64],
    seed: int = 0,
    advance: Callable[[int], None] = lambda n: None,
) -> TransportComparison:
    """Compare (n × d) and (m × d) with a target (t × d), all sentence embeddings.

    Documents of one branch, (n) and (m) numbers, were written about one topic and depend on each
    other, so whole branches are shuffled. This is exact if, under the null, either model could have
    written any branch. ``advance`` is called with the number of shuffles done. ValueError if a set
    is empty.
    """
    vectors = np.concatenate([first, second])
    _, own = np.unique(first_branches, return_inverse=True)
    _, others = np.unique(second_branches, return_inverse=True)
    n_own = int(own.max()) + 1
    branches = np.concatenate([own, others + n_own])
    n_branches = int(branches.max()) + 1

    def distances(chosen: NDArray[np.int64]) -> tuple[float, float]:
        is_first = np.isin(branches, chosen)
        return (
            transport_distance(vectors[is_first], target).distance,
            transport_distance(vectors[~is_first], target).distance,
        )

    here, there = distances(np.arange(n_own))
    generator = np.random.default_rng(seed)
    leads = np.empty(N_SHUFFLES)
    for shuffle in range(N_SHUFFLES):
        one, other = distances(generator.permutation(n_branches)[:n_own])
        leads[shuffle] = other - one
        advance(1)
    null = random_band(leads)
    p_value = (1 + int((leads >= there - here).sum())) / (1 + N_SHUFFLES)
    return TransportComparison(here, there, null.low, null.high, p_value)
