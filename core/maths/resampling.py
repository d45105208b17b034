"""Intervals of means over targets that come in documents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from core.maths.located import CONFIDENCE, Interval

_N_RESAMPLES = 1000


def ratio_interval(sums: NDArray[np.float64], counts: NDArray[np.int64], seed: int = 0) -> Interval:
    """Σ sums / Σ counts with its percentile bootstrap interval over documents (SciPy).

    sums, counts: (n), one a document; targets of one document are not independent, documents are.
    """
    value = float(sums.sum() / counts.sum())
    if len(sums) < 2:
        return Interval(value, value, value)
    found = stats.bootstrap(
        (sums, counts),
        lambda total, number, axis=-1: total.sum(axis) / number.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=_N_RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        batch=64,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(value, float(found.low), float(found.high))
