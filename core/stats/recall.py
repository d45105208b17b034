"""Recall and its null for a selection of k from N documents, with x of K leaked documents in it.

Recall cannot exceed min(1, k/K), so it is shown with that ceiling. Under random selection x is
hypergeometric, which gives the null band and the p-value (ARCHITECTURE §3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # loads its parts when they are first used, see stats/intervals.py

from assay.core.stats.intervals import CONFIDENCE, Interval, proportion


@dataclass(frozen=True)
class Located:
    """Recall, precision (Clopper–Pearson intervals) and lift against random selection."""

    recall: Interval
    recall_ceiling: float
    precision: Interval
    lift: Interval
    null_recall: Interval
    null_precision: Interval
    p_value: float


def located(n_documents: int, n_leaked: int, n_selected: int, n_located: int) -> Located:
    """N, K, k and x as above; ValueError for impossible counts.

    ``p_value`` is P(X ≥ x), X hypergeometric. The null intervals hold the central 95% of random
    selections.
    """
    if not (0 < n_leaked <= n_documents and 0 < n_selected <= n_documents):
        raise ValueError(f"impossible counts: N={n_documents}, K={n_leaked}, k={n_selected}")
    if not 0 <= n_located <= min(n_leaked, n_selected):
        raise ValueError(f"{n_located} located of {n_leaked} leaked and {n_selected} selected")
    low, high = _null_band(n_documents, n_leaked, n_selected)
    precision = proportion(n_located, n_selected)
    share = n_leaked / n_documents
    expected = n_selected * share
    return Located(
        recall=proportion(n_located, n_leaked),
        recall_ceiling=min(1.0, n_selected / n_leaked),
        precision=precision,
        lift=Interval(precision.value / share, precision.low / share, precision.high / share),
        null_recall=Interval(expected / n_leaked, low / n_leaked, high / n_leaked),
        null_precision=Interval(expected / n_selected, low / n_selected, high / n_selected),
        p_value=float(scipy.stats.hypergeom.sf(n_located - 1, n_documents, n_leaked, n_selected)),
    )


# The same for every selection of one size from one pool.
@lru_cache(maxsize=256)
def _null_band(n_documents: int, n_leaked: int, n_selected: int) -> tuple[float, float]:
    """The central 95% of how many leaked documents a random selection holds."""
    ends = np.array([1 - CONFIDENCE, 1 + CONFIDENCE]) / 2
    low, high = scipy.stats.hypergeom.ppf(ends, n_documents, n_leaked, n_selected)
    return float(low), float(high)
