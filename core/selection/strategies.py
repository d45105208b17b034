"""The function behind each strategy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from assay.core.gradients.features import GradientFeatures
from assay.core.selection import greedy
from assay.core.selection.greedy import ZERO_GRADIENT, Selection, cosines
from assay.core.selection.matching_pursuit import select_plus
from assay.core.specs.strategies import Strategy
from assay.core.stats.ranking import all_equal


def make_selection(
    strategy: Strategy,
    features: GradientFeatures,
    pseudolabels: NDArray[np.int64],
    base_losses: NDArray[np.float64],
    budget: int,
    batch_size: int,
    seed: int,
    embedding_scores: NDArray[np.float64] | None = None,
) -> Selection:
    """The selection of one strategy; ``batch_size`` is the final model's.

    The seed is used by the random strategy, and decides between documents with equal scores.
    embedding_scores (n): how well the movement of input embeddings fits each document; ValueError
    if the strategy needs them and there are none.
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
        case Strategy.EMBEDDING_MATCH:
            return greedy.by_score(features, _needed(embedding_scores), budget, seed)


def ranking_scores(
    strategy: Strategy,
    features: GradientFeatures,
    pseudolabels: NDArray[np.int64],
    base_losses: NDArray[np.float64],
    selection: Selection,
    seed: int,
    embedding_scores: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Scores of all n documents, (n); ``selection`` is the strategy's own, NumPy features.

    Random: its order. Top-k: the cosine with the target. Balanced: the rank by cosine within the
    pseudolabel. P-min and P-max: the loss. Input embeddings: their own score. Greedy strategies:
    their order, then the other documents by cosine. (What they would add next is not a score: once
    the sum is near the target, it only shows what is still missing.)
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
        case Strategy.EMBEDDING_MATCH:
            return _needed(embedding_scores)
        case Strategy.SELECT | Strategy.SELECT_PLUS | Strategy.SELECT_BATCH:
            n_chosen = len(selection.documents)
            scores = cosines(features)
            # A cosine is at most 1, so selected documents rank before all others.
            scores[list(selection.documents)] = 2.0 + _by_place(np.arange(n_chosen), n_chosen)
            return scores


def has_nothing_to_rank_by(
    strategy: Strategy,
    features: GradientFeatures,
    base_losses: NDArray[np.float64],
    embedding_scores: NDArray[np.float64] | None = None,
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
        case Strategy.EMBEDDING_MATCH:
            return all_equal(_needed(embedding_scores))
        case _:
            own = cosines(features)
            return all_equal(own[own > ZERO_GRADIENT])


def _needed(embedding_scores: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if embedding_scores is None:
        raise ValueError("no document is scored by input embeddings")
    return embedding_scores


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
