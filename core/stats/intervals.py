"""Intervals, and when a value differs from chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy  # loads scipy.stats when it is first used, for a second: most pages need none
from numpy.typing import NDArray

from assay.core.specs.interval import Interval as Interval

CONFIDENCE = 0.95


def proportion(n_found: int, n: int) -> Interval:
    """n_found / n with its Clopper–Pearson interval, which covers at least as often as stated."""
    low, high = _proportion_confint(n_found, n, "beta")
    return Interval(n_found / n, low, high)


def accuracy(is_correct: NDArray[np.bool_]) -> Interval:
    """The share of true values with its Wilson interval."""
    n_correct, n = int(is_correct.sum()), len(is_correct)
    low, high = _proportion_confint(n_correct, n, "wilson")
    return Interval(n_correct / n, low, high)


def _proportion_confint(n_found: float, n: float, method: str) -> tuple[float, float]:
    from statsmodels.stats.proportion import proportion_confint  # loads scipy.stats

    low, high = proportion_confint(n_found, n, alpha=1 - CONFIDENCE, method=method)
    return float(low), float(high)


def random_band(draws: NDArray[np.float64]) -> Interval:
    """Mean of a statistic over random selections, and the band that 19 of 20 more lie in.

    The ends are order statistics: among n + 1 draws from one distribution each has the same chance
    of being the r-th. So the band from the r-th lowest to the r-th highest leaves out one more draw
    with probability 2r / (n + 1): exactly 5% for 199 or 399 draws, less for other numbers.
    ValueError if there are too few draws.
    """
    ordered = np.sort(draws)
    n_outside = int((len(ordered) + 1) * (1 - CONFIDENCE) / 2 + 1e-9)
    if n_outside < 1:
        least = round(2 / (1 - CONFIDENCE)) - 1
        raise ValueError(f"{len(ordered)} draws; a {CONFIDENCE:.0%} band needs at least {least}")
    return Interval(
        float(ordered.mean()), float(ordered[n_outside - 1]), float(ordered[-n_outside])
    )


def p_among_draws(value: float, draws: NDArray[np.float64]) -> float:
    """The probability that one more random draw lies as far out on either side, (1 + #) / (n + 1).

    Exact if ``value`` is such a draw, whatever their distribution; twice that of the smaller side.
    """
    n_beyond = min(int((draws >= value).sum()), int((draws <= value).sum()))
    return min(1.0, 2 * (1 + n_beyond) / (1 + len(draws)))


# With two repeats, the interval would be 13 times as wide as their distance from the mean.
_MIN_REPEATS = 3


@dataclass(frozen=True)
class Spread:
    """Mean, lowest and highest of ``n`` repeats, and the mean's 95% interval (Student's t).

    ``interval`` is None with fewer than three repeats, or if all are equal: equal repeats do not
    show how much a value varies.
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
        """``possible``: the possible values, which limit the interval. ValueError if empty."""
        if not len(values):
            raise ValueError("nothing was measured")
        lowest, highest = float(np.min(values)), float(np.max(values))
        # Rounding can put the mean of equal values outside: that of three times 0.1 is above 0.1.
        mean = float(np.clip(np.mean(values), lowest, highest))
        interval = None
        # The same sum in another order differs in its last digits.
        if len(values) >= _MIN_REPEATS and not np.isclose(lowest, highest, rtol=1e-9, atol=1e-12):
            error = scipy.stats.sem(values)
            ends = scipy.stats.t.interval(CONFIDENCE, len(values) - 1, loc=mean, scale=error)
            low, high = np.clip(ends, *possible)
            interval = Interval(mean, float(low), float(high))
        return cls(mean, lowest, highest, len(values), interval)


def p_of_mean(values: Sequence[float]) -> float | None:
    """Two-sided p-value that the mean of repeats is zero (Student's t); None if ``Spread`` has no
    interval."""
    if Spread.of(values).interval is None:
        return None
    return float(scipy.stats.ttest_1samp(values, 0.0).pvalue)


# With fewer documents, the intervals below contain the true value too rarely (ARCHITECTURE §3).
MIN_DOCUMENTS = 5


def mean_loss(losses: NDArray[np.float64], counts: NDArray[np.int64]) -> Interval | None:
    """Σ losses / Σ counts with its 95% jackknife interval over documents; None for fewer than five.

    losses (≥ 0), counts: (n), one per document. Targets of one document are not independent, but
    documents are. Student's t on the logarithm, because the mean loss of few documents is skewed.
    """
    n, total = len(losses), float(losses.sum())
    if n < MIN_DOCUMENTS or np.count_nonzero(losses) < 2:
        return None
    value = total / float(counts.sum())
    without = (total - losses) / (counts.sum() - counts)
    logs = np.log(without)
    error = float(np.sqrt((n - 1) / n * ((logs - logs.mean()) ** 2).sum()))
    reach = np.exp(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * error)
    return Interval(value, float(value / reach), float(value * reach))


def share_of_targets(found: NDArray[np.float64], counts: NDArray[np.int64]) -> Interval | None:
    """Σ found / Σ counts, with targets clustered in documents; None for fewer than five documents.

    found, counts: (n), one per document. Clopper and Pearson's interval for the number of
    independent targets that the variance between documents implies (Korn and Graubard 1998), so it
    has a width even if all documents agree.
    """
    n, n_targets = len(found), int(counts.sum())
    if n < MIN_DOCUMENTS:
        return None
    share = float(found.sum()) / n_targets
    variance = n / (n - 1) * float(((found - share * counts) ** 2).sum()) / n_targets**2
    effective = min(share * (1 - share) / variance, n_targets) if variance > 0 else float(n)
    tail = (1 + CONFIDENCE) / 2
    t = scipy.stats.t
    effective *= float(t.ppf(tail, max(n_targets - 1, 1)) / t.ppf(tail, n - 1)) ** 2
    low, high = _proportion_confint(share * effective, effective, "beta")
    return Interval(share, float(np.nan_to_num(low)), float(np.nan_to_num(high, nan=1.0)))


# A p-value under this, corrected for the number of tests, is evidence that documents were trained
# on.
SIGNIFICANCE = 0.01
# The accepted error rate of strategy comparisons: 1 − CONFIDENCE, as for intervals.
CHANCE_OUTSIDE = 0.05


def p_above_half(share: Interval) -> float:
    """One-sided p-value that a share, such as an AUC, is above 0.5, from its Wilson interval.

    The number of independent documents follows from the interval's lower end. The test is the one
    that Wilson's interval inverts: p is 2.5% where the lower end is 0.5.
    """
    if share.value <= 0.5:
        return 1.0
    if not 0 < share.low < share.value:
        return 0.0 if share.low >= share.value else 1.0
    normal = NormalDist()
    reach = normal.inv_cdf((1 + CONFIDENCE) / 2)
    n = reach**2 * share.low * (1 - share.low) / (share.value - share.low) ** 2
    return normal.cdf(-2 * (share.value - 0.5) * n**0.5)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for being tested together (Holm 1979).

    The probability that chance alone brings any of them under α is at most α.
    """
    order = np.argsort(p_values)
    stepped = np.asarray(p_values, float)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return corrected.tolist()
