"""Were documents trained on? Suspects against matched controls, by scores fixed beforehand.

If no suspect was trained on and both sets are otherwise alike, which documents are suspects is
unrelated to the scores. So roles may be shuffled, and the p-value is exact whatever the
distribution of the scores and however they depend on one another within a document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, permutation_test, rankdata

from assay.core.specs.strategies import Strategy
from assay.core.stats.auc import auc_with_interval
from assay.core.stats.blind_baseline import blind_scores
from assay.core.stats.intervals import Interval
from assay.core.stats.ranking import all_equal

N_SHUFFLES = 9_999

_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class UsedTest:
    """The test's result.

    ``auc``: probability that a suspect scores above a control. ``p_value``: one-sided, for higher
    suspects.
    """

    auc: Interval
    p_value: float


@dataclass(frozen=True)
class Check:
    """Whether suspects and controls differ where they should not; 0.5 means alike."""

    name: str
    auc: Interval
    is_separable: bool


def combined(scores: Mapping[str, _Scores]) -> _Scores:
    """One score per document, (n): the mean of each score's normal scores (van der Waerden).

    So no score counts more because of its unit or outliers, except that the input embeddings' has
    two thirds of the weight: they usually distinguish training documents far better, but not where
    every document has the same few tokens. A score that is the same for all documents, apart from
    rounding, adds nothing.
    """
    normal = {name: _normal_scores(own) for name, own in scores.items()}
    n_others = sum(name != Strategy.EMBEDDING_MATCH for name in normal)
    weights = [
        2.0 * max(1, n_others) if name == Strategy.EMBEDDING_MATCH else 1.0 for name in normal
    ]
    mean: _Scores = np.average(list(normal.values()), axis=0, weights=weights)
    return mean


def _normal_scores(own: _Scores) -> _Scores:
    if all_equal(own):
        return np.zeros(len(own))
    found: _Scores = norm.ppf(rankdata(own) / (len(own) + 1))
    return found


def constant_scores(scores: Mapping[str, _Scores]) -> list[str]:
    """The scores that are the same for all documents and so cannot distinguish any."""
    return [name for name, own in scores.items() if all_equal(own)]


def used_test(
    scores: _Scores, is_suspect: NDArray[np.bool_], seed: int, n_shuffles: int = N_SHUFFLES
) -> UsedTest:
    """Difference of mean scores, compared with shuffled roles or with all assignments (SciPy)."""
    suspects, controls = scores[is_suspect], scores[~is_suspect]
    found = permutation_test(
        (suspects, controls),
        lambda first, second, axis: first.mean(axis=axis) - second.mean(axis=axis),
        vectorized=True,
        n_resamples=n_shuffles,
        batch=256,
        alternative="greater",
        rng=np.random.default_rng(seed),
    )
    return UsedTest(auc_with_interval(suspects, controls).auc, float(found.pvalue))


def separability_by_words(texts: Sequence[str], is_suspect: NDArray[np.bool_], seed: int) -> Check:
    """Whether a classifier of words, without any model, recognises unseen suspects.

    The sets differ if the interval of its AUC lies above ½; below ½ it only guesses worse than
    chance. The interval ignores that the classifier differs between folds: 6 to 9 in 100 random
    halves of one corpus are refused, where 2.5 would be expected (measured). This errs on the side
    of refusing.
    """
    scores = blind_scores(texts, is_suspect.astype(np.int64), 2, seed)
    assert scores is not None
    auc = auc_with_interval(scores[is_suspect, 1], scores[~is_suspect, 1]).auc
    return Check("words", auc, auc.low > 0.5)


def separability_by(name: str, values: _Scores, is_suspect: NDArray[np.bool_]) -> Check:
    """Whether one number of a document, such as its length, separates the sets, either way."""
    auc = auc_with_interval(values[is_suspect], values[~is_suspect]).auc
    return Check(name, auc, auc.low > 0.5 or auc.high < 0.5)
