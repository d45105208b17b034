"""The function behind each strategy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from assay.core.selection import greedy
from assay.core.selection.greedy import ZERO_GRADIENT, Selection, cosines
from assay.core.selection.inputs import SelectionInputs
from assay.core.selection.matching_pursuit import select_plus
from assay.core.specs.strategies import Strategy
from assay.core.stats.ranking import all_equal


def make_selection(
    strategy: Strategy, inputs: SelectionInputs, budget: int, batch_size: int, seed: int
) -> Selection:
    """The selection of one strategy; ``batch_size`` is the final model's.

    ValueError if what the strategy needs is missing.
    """
    features = inputs.features
    match strategy:
        case Strategy.RANDOM:
            return greedy.random(features, budget, seed)
        case Strategy.TOP_K:
            return greedy.top_k(features, budget, seed)
        case Strategy.TOP_K_BALANCED:
            return greedy.top_k_balanced(features, inputs.pseudolabels, budget, seed)
        case Strategy.P_MIN:
            return greedy.by_loss(features, inputs.base_losses, budget, lowest=True, seed=seed)
        case Strategy.P_MAX:
            return greedy.by_loss(features, inputs.base_losses, budget, lowest=False, seed=seed)
        case Strategy.SELECT_BATCH:
            return greedy.select(features, budget, batch_size, seed)
        case Strategy.SELECT:
            return greedy.select(features, budget, seed=seed)
        case Strategy.SELECT_PLUS:
            return select_plus(features, budget, seed)
        case Strategy.EMBEDDING_SELECT:
            chosen = greedy.select(inputs.features_of(strategy), budget, seed=seed)
            return greedy.in_order(features, chosen.documents)
        case (
            Strategy.EMBEDDING_MATCH
            | Strategy.LAYER_MATCH
            | Strategy.VOCABULARY_MATCH
            | Strategy.LOSS_DROP
        ):
            return greedy.by_score(features, inputs.scores_of(strategy), budget, seed)


def ranking_scores(
    strategy: Strategy, inputs: SelectionInputs, selection: Selection, seed: int
) -> NDArray[np.float64]:
    """Scores of all n documents, (n); ``selection`` is the strategy's own, NumPy features.

    Random: its order. Top-k: the cosine with the target. Balanced: the rank by cosine within the
    pseudolabel. P-min and P-max: the loss. ``BY_OWN_SCORE``: that score. The greedy ones: their
    order, and behind it, where they say nothing, the rest by cosine. (What they would add
    next is no score of the rest: once the sum is near the target it only says what it still lacks.)
    """
    match strategy:
        case Strategy.RANDOM:
            order = np.random.default_rng(seed).permutation(inputs.n_documents)
            return _by_place(order, inputs.n_documents)
        case Strategy.TOP_K:
            return cosines(inputs.features)
        case Strategy.TOP_K_BALANCED:
            return _rank_within(inputs.pseudolabels, cosines(inputs.features))
        case Strategy.P_MIN:
            return -inputs.base_losses
        case Strategy.P_MAX:
            return inputs.base_losses
        case (
            Strategy.EMBEDDING_MATCH
            | Strategy.LAYER_MATCH
            | Strategy.VOCABULARY_MATCH
            | Strategy.LOSS_DROP
        ):
            return inputs.scores_of(strategy)
        case (
            Strategy.SELECT
            | Strategy.SELECT_PLUS
            | Strategy.SELECT_BATCH
            | Strategy.EMBEDDING_SELECT
        ):
            n_chosen = len(selection.documents)
            scores = cosines(inputs.features_of(strategy))
            # A cosine is at most 1: what was chosen stays ahead of what was not.
            scores[list(selection.documents)] = 2.0 + _by_place(np.arange(n_chosen), n_chosen)
            return scores


def has_nothing_to_rank_by(strategy: Strategy, inputs: SelectionInputs) -> bool:
    """Whether all n documents have equal scores, so that the strategy's selection is a random draw.

    For strategies that use gradients, the cosines with the target decide: they agree to six digits
    if all gradients point the same way.
    """
    match strategy:
        case Strategy.RANDOM:
            return False
        case Strategy.P_MIN | Strategy.P_MAX:
            return all_equal(inputs.base_losses)
        case (
            Strategy.EMBEDDING_MATCH
            | Strategy.LAYER_MATCH
            | Strategy.VOCABULARY_MATCH
            | Strategy.LOSS_DROP
        ):
            return all_equal(inputs.scores_of(strategy))
        case _:
            own = cosines(inputs.features_of(strategy))
            return all_equal(own[own > ZERO_GRADIENT])


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
