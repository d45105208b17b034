"""How well a score ranks one group of documents above another, and comparisons of scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, betabinom, norm, rankdata
from statsmodels.stats.proportion import proportion_confint

from assay.core.stats.intervals import CONFIDENCE, Interval

_Scores = NDArray[np.float64]
# DeLong's normal approximation needs larger groups than this.
_FEW = 20
# This many documents have 4,096 exchanges.
_MOST_EXCHANGED = 12
_N_EXCHANGES = 4_000
_N_RATES = 120
# Of each of the two bounds of a rate at a rate.
_TAIL = (1 - CONFIDENCE) / 4


@dataclass(frozen=True)
class Auc:
    """AUC with its interval; an uninformative score has 0.5."""

    auc: Interval
    n_positive: int
    n_negative: int


@dataclass(frozen=True)
class Difference:
    """By how much one score's AUC exceeds another's on the same documents; two-sided p."""

    auc: Interval
    p_value: float


def auc_with_interval(positive: _Scores, negative: _Scores) -> Auc:
    """The probability that a positive score exceeds a negative one; ties count half.

    The interval is Wilson's, with the effective number of documents that the variance of DeLong et
    al. (1988) implies. So it has a width even if every positive is above every negative (then the
    size of the smaller group is used). ValueError if a group is empty.
    """
    n, m = len(positive), len(negative)
    if not n or not m:
        raise ValueError(f"an AUC needs two groups, not {n} and {m} scores")
    above, below = _placements(positive, negative)
    auc = float(above.mean())
    variance = _variance(above, below)
    spread = auc * (1 - auc)
    effective = min(spread / variance, n + m) if variance > 0 and spread > 0 else float(min(n, m))
    low, high = proportion_confint(
        auc * effective, effective, alpha=1 - CONFIDENCE, method="wilson"
    )
    return Auc(Interval(auc, float(low), float(high)), n, m)


def difference(
    positive: _Scores, negative: _Scores, other_positive: _Scores, other_negative: _Scores
) -> Difference:
    """AUC of the first score minus that of the second, for the same documents in the same order.

    DeLong et al. (1988): normal interval and two-sided p-value that allow for the correlation of
    the two. This approximation fails with fewer than 20 documents in a group, or without variance.
    Then p comes from exchanging the two scores' ranks within documents (Bandos et al. 2005; exact),
    and the interval from combining the two AUCs' own (Newcombe), whichever is wider.
    """
    (above, below), (other_above, other_below) = (
        _placements(positive, negative),
        _placements(other_positive, other_negative),
    )
    value = float(above.mean() - other_above.mean())
    error = _variance(above - other_above, below - other_below) ** 0.5
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * error
    low, high = value - reach, value + reach
    if error > 0 and min(len(positive), len(negative)) >= _FEW:
        return Difference(Interval(value, low, high), 2 * float(norm.sf(abs(value) / error)))
    own, other = (
        auc_with_interval(*groups).auc
        for groups in ((positive, negative), (other_positive, other_negative))
    )
    below = np.hypot(own.value - own.low, other.high - other.value)
    above = np.hypot(own.high - own.value, other.value - other.low)
    interval = Interval(value, float(min(low, value - below)), float(max(high, value + above)))
    scores = np.stack(
        [np.concatenate([positive, negative]), np.concatenate([other_positive, other_negative])]
    )
    return Difference(interval, _exchange_p_value(scores, len(positive)))


def n_found_at(positive: _Scores, negative: _Scores, mistaken_share: float) -> int:
    """How many positives score above all but ``mistaken_share`` of the negatives, ties excluded."""
    return _n_above(positive, negative, int(mistaken_share * len(negative)))


def found_share(positive: _Scores, negative: _Scores, mistaken_share: float) -> Interval:
    """The true positive rate at a false positive rate of ``mistaken_share``.

    The interval allows for both groups being samples. The threshold with exactly this false
    positive rate lies between two order statistics of the negatives (a beta distribution) with
    97.5% confidence, and the share above each has a Clopper–Pearson bound at 97.5%. Together they
    cover at least 95%.
    """
    n = len(positive)
    strict, lenient = _thresholds(len(negative), mistaken_share)
    low = 0 if strict is None else _n_above(positive, negative, strict)
    high = n if lenient is None else _n_at_least(positive, negative, lenient)
    return Interval(
        n_found_at(positive, negative, mistaken_share) / n,
        float(proportion_confint(low, n, alpha=2 * _TAIL, method="beta")[0]),
        float(proportion_confint(high, n, alpha=2 * _TAIL, method="beta")[1]),
    )


# The same for every score of one set of negatives, and 10,000 beta tails take some time.
@lru_cache(maxsize=64)
def _thresholds(n_negative: int, mistaken_share: float) -> tuple[int | None, int | None]:
    """Which negatives, from 0 for the highest, bound the threshold with this false positive rate;
    None where there are too few of them to bound it."""
    places = np.arange(1, n_negative + 1)
    # P(more than this share of all negatives lies above the r-th largest observed one)
    too_lenient = beta.sf(mistaken_share, places, n_negative + 1 - places)
    strict = np.flatnonzero(too_lenient <= _TAIL)
    lenient = np.flatnonzero(too_lenient >= 1 - _TAIL)
    return (
        int(strict[-1]) if len(strict) else None,
        int(lenient[0]) if len(lenient) else None,
    )


def roc(positive: _Scores, negative: _Scores) -> tuple[_Scores, _Scores]:
    """False and true positive rates at every threshold, from strict to lenient, (t) each."""
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    rates = [
        1 - np.searchsorted(np.sort(group), thresholds, side="left") / len(group)
        for group in (negative, positive)
    ]
    return rates[0], rates[1]


def chance_rates(n_positive: int, n_negative: int) -> tuple[_Scores, _Scores, _Scores]:
    """The central 95% of the true positive rate under random scores: rate of mistakes, low, high.

    For up to ``_N_RATES`` rates j / n_negative. With j mistakes, the positives found are those
    above the (j + 1)-th highest negative: beta-binomial (negative hypergeometric), exact without
    ties.
    """
    mistakes = np.unique(np.geomspace(1, n_negative, _N_RATES).astype(int) - 1)
    found = betabinom(n_positive, mistakes + 1, n_negative - mistakes)
    tail = (1 - CONFIDENCE) / 2
    low, high = (found.ppf(share) / n_positive for share in (tail, 1 - tail))
    return mistakes / n_negative, low, high


def _exchange_p_value(scores: _Scores, n_positive: int) -> float:
    """Two-sided p-value of the difference of two scores' AUCs (2 × n, positives first).

    Under the null the two scores of any document could be exchanged: over all exchanges, or over
    many random ones.
    """
    ranks = rankdata(scores, axis=1)
    n = ranks.shape[1]
    if n <= _MOST_EXCHANGED:
        exchanged = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        exchanged = np.random.default_rng(0).integers(0, 2, (_N_EXCHANGES, n))
        exchanged[0] = 0  # The observed assignment counts as one of them.
    swapped = [np.where(exchanged, ranks[1 - side], ranks[side]) for side in (0, 1)]
    sums = [rankdata(own, axis=1)[:, :n_positive].sum(axis=1) for own in swapped]
    leads = np.abs(sums[0] - sums[1])
    return float((leads >= leads[0] - 1e-9).mean())


def _placements(positive: _Scores, negative: _Scores) -> tuple[_Scores, _Scores]:
    """The share of negatives below each positive, and of positives above each negative.

    Computed from ranks alone (Sun and Xu, 2014).
    """
    n, m = len(positive), len(negative)
    together = rankdata(np.concatenate([positive, negative]))
    return (
        (together[:n] - rankdata(positive)) / m,
        1 - (together[n:] - rankdata(negative)) / n,
    )


def _variance(above: _Scores, below: _Scores) -> float:
    return sum(
        float(part.var(ddof=1)) / len(part) if len(part) > 1 else 0.25 for part in (above, below)
    )


def _n_above(positive: _Scores, negative: _Scores, n_mistaken: int) -> int:
    """Positives above the strictest threshold that has this many negatives above it."""
    return int((positive > np.sort(negative)[::-1][n_mistaken]).sum())


def _n_at_least(positive: _Scores, negative: _Scores, n_mistaken: int) -> int:
    return int((positive >= np.sort(negative)[::-1][n_mistaken]).sum())
