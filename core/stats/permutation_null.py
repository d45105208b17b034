"""What chance alone gives: the permutation null of a ranking's AUC and true positive rate.

Under the null a document's role says nothing of its score, so any assignment of roles is as likely
as the true one. Of located documents the same null is the hypergeometric law in closed form
(``assay.core.stats.recall``). Bands of these two are of shuffled roles (SciPy); p-values are in
closed form, because one of 999 shuffles is never below .001, and so never below .01 once it is
corrected for ten rankings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, mannwhitneyu, permutation_test, rankdata

from assay.core.stats.intervals import Interval, random_band

N_SHUFFLES = 999
_FEW = 8
_FLOATS_AT_A_TIME = 1 << 22

_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Chance:
    """Mean and central 95% over shuffled roles, and the one-sided p-value of the observed value."""

    null: Interval
    p_value: float


def auc_by_chance(positive: _Scores, negative: _Scores, seed: int = 0) -> Chance:
    """The null of the AUC.

    The band comes from ``N_SHUFFLES`` shuffles. p must reach further, so it comes from the
    Mann–Whitney test, which is the same null in closed form (normal, with a correction for ties).
    In a group of eight or fewer, where ties spoil the approximation, p comes from all possible
    shuffles, or from these.
    """
    n, m = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))

    def auc(first: _Scores, second: _Scores, axis: int) -> _Scores:
        value: _Scores = (first.sum(axis=axis) - n * (n + 1) / 2) / (n * m)
        return value

    shuffled = _shuffled(ranks[:n], ranks[n:], auc, seed)
    if min(n, m) <= _FEW:
        return shuffled
    p_value = float(mannwhitneyu(positive, negative, alternative="greater").pvalue)
    return Chance(shuffled.null, p_value)


def found_by_chance(
    positive: _Scores, negative: _Scores, mistaken_share: float, seed: int = 0
) -> Chance:
    """Of the true positive rate at a false positive rate. The band is of ``N_SHUFFLES`` shuffles.

    p is exact: at least x positives lie above the r-th highest negative where, and only where, x of
    the x + r - 1 highest documents are positive, and their number is hypergeometric. Ties count
    against the positives, so p is then too high rather than too low.
    """
    n_mistaken = int(mistaken_share * len(negative))
    place = len(negative) - 1 - n_mistaken

    def found(first: _Scores, second: _Scores, axis: int) -> _Scores:
        threshold = np.take(np.partition(second, place, axis=axis), [place], axis=axis)
        share: _Scores = (first > threshold).mean(axis=axis)
        return share

    threshold = np.partition(negative, place)[place]
    n_found = int((positive > threshold).sum())
    n, n_highest = len(positive), n_found + n_mistaken
    p_value = float(hypergeom.sf(n_found - 1, n + len(negative), n, n_highest))
    return Chance(_shuffled(positive, negative, found, seed).null, p_value)


def _shuffled(first: _Scores, second: _Scores, statistic: object, seed: int) -> Chance:
    result = permutation_test(
        (first, second),
        statistic,
        vectorized=True,
        n_resamples=N_SHUFFLES,
        batch=max(1, _FLOATS_AT_A_TIME // (len(first) + len(second))),
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    draws = result.null_distribution
    if len(draws) < N_SHUFFLES:  # all possible shuffles: if there are few, none is left out
        low, high = np.quantile(draws, [0.025, 0.975], method="inverted_cdf")
        null = Interval(float(draws.mean()), float(low), float(high))
    else:
        null = random_band(draws)
    return Chance(null, float(result.pvalue))
