"""Intervals, and when a figure is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.stats import sem, t
from statsmodels.stats.proportion import proportion_confint

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A proportion or mean with its two-sided interval."""

    value: float
    low: float
    high: float


def proportion(n_found: int, n: int) -> Interval:
    """n_found / n with its Clopper–Pearson interval, which never covers less than it says."""
    low, high = proportion_confint(n_found, n, alpha=1 - CONFIDENCE, method="beta")
    return Interval(n_found / n, float(low), float(high))


def accuracy(is_correct: NDArray[np.bool_]) -> Interval:
    """The share of true values with its Wilson interval."""
    n_correct, n = int(is_correct.sum()), len(is_correct)
    low, high = proportion_confint(n_correct, n, alpha=1 - CONFIDENCE, method="wilson")
    return Interval(n_correct / n, float(low), float(high))


def random_band(draws: NDArray[np.float64]) -> Interval:
    """Mean and central 95% of a statistic over random selections."""
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(draws.mean()), float(low), float(high))


# Two repeats would give an interval 13 times as wide as their distance from the mean.
_MIN_REPEATS = 3


@dataclass(frozen=True)
class Spread:
    """Mean, lowest and highest of ``n`` repeats, and the mean's 95% interval (Student's t).

    ``interval`` is None with fewer than three repeats, and where all agree: that they vary by
    nothing says only that nothing in them varied.
    """

    mean: float
    lowest: float
    highest: float
    n: int
    interval: Interval | None

    @classmethod
    def of(
        cls, values: Sequence[float], possible: tuple[float, float] = (-np.inf, np.inf)
    ) -> Spread:
        """``possible``: the values there can be; an interval ends at them. ValueError if empty."""
        if not len(values):
            raise ValueError("nothing was measured")
        lowest, highest = float(np.min(values)), float(np.max(values))
        mean = float(np.mean(values))
        interval = None
        # The same sums in another order differ in their last digits.
        if len(values) >= _MIN_REPEATS and not np.isclose(lowest, highest, rtol=1e-9, atol=1e-12):
            ends = t.interval(CONFIDENCE, len(values) - 1, loc=mean, scale=sem(values))
            low, high = np.clip(ends, *possible)
            interval = Interval(mean, float(low), float(high))
        return cls(mean, lowest, highest, len(values), interval)


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


# A p-value under this, times the number of tests, is more than chance (Bonferroni).
SIGNIFICANCE = 0.01
