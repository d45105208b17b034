"""The function behind each strategy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from assay.core.gradients.features import GradientFeatures
from assay.core.selection import greedy
from assay.core.selection.greedy import ZERO_GRADIENT, Selection, cosines
from assay.core.selection.matching_pursuit import select_plus
from assay.core.specs.strategies import Strategy
from assay.core.stats.ranking import all_equal

OwnScores = Mapping[Strategy, NDArray[np.float64]]
_NO_SCORES: OwnScores = MappingProxyType({})


def make_selection(
    strategy: Strategy,
    features: GradientFeatures,
    pseudolabels: NDArray[np.int64],
    base_losses: NDArray[np.float64],
    budget: int,
    batch_size: int,
    seed: int,
    own_scores: OwnScores = _NO_SCORES,
    embedding_features: GradientFeatures | None = None,
) -> Selection:
    """The selection of one strategy; ``batch_size`` is the final model's.

    own_scores: of strategies that rank by one number a document (``BY_OWN_SCORE``), (n) each;
    embedding_features: gradients at the input embeddings. ValueError if what the strategy needs is
    missing.
    """
    match strategy:
        case Strategy.RANDOM:
            return greedy.random(features, budget, seed)
        case Strategy.TOP_K:
            return greedy.top_k(features, budget, seed)
        case Strategy.TOP_K_BALANCED:
            return greedy.top_k_balanced(features, pseudolabels, budget, seed)
        case Strategy.P_MIN:
            return greedy.by_loss(features, base_losses, budget, lowest=True, seed=seed)
        case Strategy.P_MAX:
            return greedy.by_loss(features, base_losses, budget, lowest=False, seed=seed)
        case Strategy.SELECT_BATCH:
            return greedy.select(features, budget, batch_size, seed)
        case Strategy.SELECT:
            return greedy.select(features, budget, seed=seed)
        case Strategy.SELECT_PLUS:
            return select_plus(features, budget, seed)
        case Strategy.EMBEDDING_SELECT:
            chosen = greedy.select(_known(embedding_features), budget, seed=seed)
            return greedy.in_order(features, chosen.documents)
        case Strategy.EMBEDDING_MATCH | Strategy.VOCABULARY_MATCH | Strategy.LOSS_DROP:
            return greedy.by_score(features, _needed(own_scores, strategy), budget, seed)


def ranking_scores(
    strategy: Strategy,
    features: GradientFeatures,
    pseudolabels: NDArray[np.int64],
    base_losses: NDArray[np.float64],
    selection: Selection,
    seed: int,
    own_scores: OwnScores = _NO_SCORES,
    embedding_features: GradientFeatures | None = None,
) -> NDArray[np.float64]:
    """Scores of all n documents, (n); ``selection`` is the strategy's own, NumPy features.

    Random: its order. Top-k: the cosine with the target. Balanced: the rank by cosine within the
    pseudolabel. P-min and P-max: the loss. ``BY_OWN_SCORE``: that score. The greedy ones: their
    order, and behind it, where they say nothing, the rest by cosine. (What they would add
    next is no score of the rest: once the sum is near the target it only says what it still lacks.)
    """
    match strategy:
        case Strategy.RANDOM:
            order = np.random.default_rng(seed).permutation(features.n_documents)
            return _by_place(order, features.n_documents)
        case Strategy.TOP_K:
            return cosines(features)
        case Strategy.TOP_K_BALANCED:
            return _rank_within(pseudolabels, cosines(features))
        case Strategy.P_MIN:
            return -base_losses
        case Strategy.P_MAX:
            return base_losses
        case Strategy.EMBEDDING_MATCH | Strategy.VOCABULARY_MATCH | Strategy.LOSS_DROP:
            return _needed(own_scores, strategy)
        case (
            Strategy.SELECT
            | Strategy.SELECT_PLUS
            | Strategy.SELECT_BATCH
            | Strategy.EMBEDDING_SELECT
        ):
            n_chosen = len(selection.documents)
            is_last_layer = strategy is not Strategy.EMBEDDING_SELECT
            scores = cosines(features if is_last_layer else _known(embedding_features))
            # A cosine is at most 1: what was chosen stays ahead of what was not.
            scores[list(selection.documents)] = 2.0 + _by_place(np.arange(n_chosen), n_chosen)
            return scores


def has_nothing_to_rank_by(
    strategy: Strategy,
    features: GradientFeatures,
    base_losses: NDArray[np.float64],
    own_scores: OwnScores = _NO_SCORES,
    embedding_features: GradientFeatures | None = None,
) -> bool:
    """Whether all n documents have equal scores, so that the strategy's selection is a random draw.

    For strategies that use gradients, the cosines with the target decide: they agree to six digits
    if all gradients point the same way.
    """
    match strategy:
        case Strategy.RANDOM:
            return False
        case Strategy.P_MIN | Strategy.P_MAX:
            return all_equal(base_losses)
        case Strategy.EMBEDDING_MATCH | Strategy.VOCABULARY_MATCH | Strategy.LOSS_DROP:
            return all_equal(_needed(own_scores, strategy))
        case _:
            is_last_layer = strategy is not Strategy.EMBEDDING_SELECT
            own = cosines(features if is_last_layer else _known(embedding_features))
            return all_equal(own[own > ZERO_GRADIENT])


def _needed(own_scores: OwnScores, strategy: Strategy) -> NDArray[np.float64]:
    if strategy not in own_scores:
        raise ValueError(f"no document has a score of {strategy.shown_as}")
    return own_scores[strategy]


def _known(embedding_features: GradientFeatures | None) -> GradientFeatures:
    if embedding_features is None:
        raise ValueError("no gradients at the input embeddings")
    return embedding_features


def _by_place(order: NDArray[np.integer], n: int) -> NDArray[np.float64]:
    """1 for the first document, falling towards 0."""
    scores = np.empty(n)
    scores[order] = 1 - np.arange(n) / max(n, 1)
    return scores


def _rank_within(groups: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the number of documents of the same group with a higher score."""
    ranks = np.empty(len(scores))
    for group in np.unique(groups):
        own = groups == group
        ranks[own] = 1.0 - rankdata(-scores[own], method="min")
    return ranks
