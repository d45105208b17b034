"""How many documents two selections of one pool have in common, beside what chance would give."""

from __future__ import annotations

from dataclasses import dataclass

import scipy  # loads its parts when they are first used, see stats/intervals.py

from assay.core.stats.intervals import CONFIDENCE, Interval


@dataclass(frozen=True)
class Overlap:
    """``by_chance``: the mean and the central 95% of two random selections; ``p_value``: of an
    overlap as far from it on either side."""

    n_both: int
    by_chance: Interval
    p_value: float


def overlap(n_pool: int, n_first: int, n_second: int, n_both: int) -> Overlap:
    """Of selections of ``n_first`` and ``n_second`` documents from the same ``n_pool``.

    If the two choose independently, the overlap is hypergeometric; p is twice the smaller tail.
    ValueError for impossible counts.
    """
    least = max(0, n_first + n_second - n_pool)
    if not (min(n_first, n_second) > 0 and max(n_first, n_second) <= n_pool):
        raise ValueError(f"selections of {n_first} and {n_second} from {n_pool} documents")
    if not least <= n_both <= min(n_first, n_second):
        raise ValueError(f"{n_both} in common of {n_first} and {n_second} from {n_pool}")
    null = scipy.stats.hypergeom(n_pool, n_first, n_second)
    low, high = (float(null.ppf(q)) for q in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    tail = min(float(null.sf(n_both - 1)), float(null.cdf(n_both)))
    return Overlap(
        n_both, Interval(n_first * n_second / n_pool, low, high), float(min(1.0, 2 * tail))
    )
