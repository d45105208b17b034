"""Were documents trained on? Suspects against matched controls, by scores fixed beforehand.

If no suspect was trained on and both sets are otherwise alike, which documents are suspects is
unrelated to the scores. So roles may be shuffled, and the p-value is exact whatever the
distribution of the scores and however they depend on one another within a document.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, median_abs_deviation, norm, permutation_test, rankdata

from assay.core.specs.strategies import BY_TRAINED_PARTS, Strategy
from assay.core.stats.auc import auc_with_interval
from assay.core.stats.blind_baseline import blind_scores
from assay.core.stats.intervals import Interval
from assay.core.stats.ranking import all_equal

N_SHUFFLES = 9_999
# Chosen once, by the simulations of docs/EMBEDDING_EVIDENCE.md.
_FARTHEST = 6.0
_STEEPNESS = 1.5
_EXCEEDED = 0.02
_BOUND_LEVEL = 0.05
_ROUNDING = 1e-6
_DIGITS = 10

_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class UsedTest:
    """The test's result.

    ``auc``: probability that a suspect scores above a control. ``p_value``: one-sided, for higher
    suspects; ``by_mean`` and ``by_highest``: the two that it is made of. ``n_at_least``: how many
    suspects were trained on, with 95% confidence.
    """

    auc: Interval
    p_value: float
    by_mean: float
    by_highest: float
    n_at_least: int


@dataclass(frozen=True)
class Check:
    """Whether suspects and controls differ where they should not; 0.5 means alike."""

    name: str
    auc: Interval
    is_separable: bool


def combined(scores: Mapping[str, _Scores]) -> _Scores:
    """One score per document, (n): the weighted mean of each score's normal scores.

    Van der Waerden's normal scores: no score counts more because of its unit or outliers. Those
    by trained parts of the model usually distinguish training documents far better, so they share
    two thirds of the weight; not all of it: where every document has the same few tokens, the input
    embeddings distinguish none. A score that is the same for all documents, apart
    from rounding, is left out.
    """
    return _weighted_mean(scores, lambda _, own: norm.ppf(rankdata(own) / (len(own) + 1)))


def standing_out(
    scores: Mapping[str, _Scores], is_ruled_out: NDArray[np.bool_] | None = None
) -> _Scores:
    """How far each document stands out, (n): the weighted mean of its distances from the medians.

    In robust standard deviations (1.4826 times the median absolute deviation), at most ±6. Ranks
    would not tell a training document far above all others from the highest of those.
    ``is_ruled_out`` (n): documents that cannot have been trained on have the lowest distance by the
    input embeddings, whose scale comes from the others: how surely they are ruled out would
    otherwise hide all differences between these.
    """

    def distance(name: str, own: _Scores) -> _Scores:
        if is_ruled_out is None or name != Strategy.EMBEDDING_MATCH:
            return _distances(own)
        found = np.full(len(own), -_FARTHEST)
        found[~is_ruled_out] = _distances(own[~is_ruled_out])
        return found

    return _weighted_mean(scores, distance)


def _weighted_mean(
    scores: Mapping[str, _Scores], transformed: Callable[[str, _Scores], _Scores]
) -> _Scores:
    varying = {name: own for name, own in scores.items() if not all_equal(own)}
    if not varying:
        return np.zeros(len(next(iter(scores.values()))))
    n_strong = sum(name in BY_TRAINED_PARTS for name in varying)
    n_others = len(varying) - n_strong
    weights = [
        2.0 * max(1, n_others) / n_strong if name in BY_TRAINED_PARTS else 1.0 for name in varying
    ]
    parts = [transformed(name, own) for name, own in varying.items()]
    mean: _Scores = np.average(parts, axis=0, weights=weights)
    return mean


def _distances(own: _Scores) -> _Scores:
    if not len(own) or all_equal(own):
        return np.zeros(len(own))
    far = own - np.median(own)
    spread = median_abs_deviation(own, scale="normal")
    # Most are equal: the median says nothing about the rest.
    if spread <= _ROUNDING * np.abs(far).max():
        spread = own.std()
    found: _Scores = np.clip(far / (spread or 1.0), -_FARTHEST, _FARTHEST)
    return found


def constant_scores(scores: Mapping[str, _Scores]) -> list[str]:
    """The scores that are the same for all documents and so cannot distinguish any."""
    return [name for name, own in scores.items() if all_equal(own)]


def used_test(
    scores: Mapping[str, _Scores],
    is_suspect: NDArray[np.bool_],
    seed: int,
    n_shuffles: int = N_SHUFFLES,
    is_ruled_out: NDArray[np.bool_] | None = None,
) -> UsedTest:
    """Whether suspects score higher, on average or where they stand out most.

    Two statistics, both differences of means between the sets: of the combined score, which notices
    a little of an effect on many suspects, and of the exponential of how far documents stand out,
    which notices much of it on a few. The smaller of their p-values counts.
    Roles are shuffled once for both, and the p-value is the share of shuffles in which this number
    is as small: exact, although the test looks twice (Westfall and Young's minimum p).
    """
    score = combined(scores)
    distances = standing_out(scores, is_ruled_out)
    by_mean, by_highest = _p_values(
        np.stack([score, np.exp(_STEEPNESS * distances)]), is_suspect, seed, n_shuffles
    )
    smaller = np.minimum(by_mean, by_highest)
    return UsedTest(
        auc_with_interval(score[is_suspect], score[~is_suspect]).auc,
        float(np.mean(smaller <= smaller[0])),
        float(by_mean[0]),
        float(by_highest[0]),
        _n_at_least(distances[is_suspect], distances[~is_suspect]),
    )


def _p_values(
    values: NDArray[np.float64], is_suspect: NDArray[np.bool_], seed: int, n_shuffles: int
) -> NDArray[np.float64]:
    """One-sided p-values of differences of means, (statistics × (1 + shuffles)): of the real roles,
    then of every shuffle among all others. ``values``: statistics × documents.
    """
    found = permutation_test(
        (values[:, is_suspect], values[:, ~is_suspect]),
        lambda first, second, axis: first.mean(axis=axis) - second.mean(axis=axis),
        vectorized=True,
        n_resamples=n_shuffles,
        batch=256,
        alternative="greater",
        axis=-1,
        rng=np.random.default_rng(seed),
    )
    every = np.vstack([found.statistic, found.null_distribution]).T
    # The same documents summed in another order differ by rounding.
    largest = np.maximum(np.abs(every).max(axis=1, keepdims=True), np.finfo(float).tiny)
    rounded = np.round(every / largest, _DIGITS)
    ranks: NDArray[np.float64] = rankdata(-rounded, method="max", axis=1) / rounded.shape[1]
    return ranks


def _n_at_least(suspects: _Scores, controls: _Scores) -> int:
    """How many suspects were trained on at least, with 95% confidence.

    Counts the suspects above the highest 2% of controls. If only k were trained on, they add at
    most k, whatever training does to scores; the others are as likely to be there as controls
    are. The answer is the smallest k for which the count is not too large.
    """
    n_allowed = math.ceil(_EXCEEDED * len(controls))
    n_above = int((suspects > np.sort(controls)[-n_allowed]).sum())
    k = np.arange(n_above + 1)
    # As many others above that control: it is not among as many documents from the top.
    n_others, first = len(suspects) - k, n_above - k + n_allowed - 1
    p_values = hypergeom.sf(n_above - k - 1, n_others + len(controls), n_others, first)
    return int(np.argmax(p_values > _BOUND_LEVEL))


def separability_by_words(texts: Sequence[str], is_suspect: NDArray[np.bool_], seed: int) -> Check:
    """Whether a classifier of words, without any model, recognises unseen suspects.

    The sets differ if the interval of its AUC lies above ½; below ½ it only guesses worse than
    chance. The interval ignores that the classifier differs between folds: 6 to 9 in 100 random
    halves of one corpus are refused, where 2.5 would be expected (measured). This errs on the side
    of refusing.
    """
    scores = blind_scores(lambda: texts, is_suspect.astype(np.int64), 2, seed)
    assert scores is not None
    auc = auc_with_interval(scores[is_suspect, 1], scores[~is_suspect, 1]).auc
    return Check("words", auc, auc.low > 0.5)


def separability_by(name: str, values: _Scores, is_suspect: NDArray[np.bool_]) -> Check:
    """Whether one number of a document, such as its length, separates the sets, either way."""
    auc = auc_with_interval(values[is_suspect], values[~is_suspect]).auc
    return Check(name, auc, auc.low > 0.5 or auc.high < 0.5)
