"""Each strategy's natural score of every document: the higher, the sooner it would be chosen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.maths.features import FactoredGradients
from core.maths.selection import Selection
from core.specs import Strategy


def natural_scores(
    strategy: Strategy,
    features: FactoredGradients,
    pseudolabels: NDArray[np.int64],
    base_losses: NDArray[np.float64],
    selection: Selection,
    batch_size: int,
    seed: int,
) -> NDArray[np.float64]:
    """Scores of all n documents, (n); ``selection`` is the strategy's own, NumPy features.

    Random: its order. Top-k: the cosine with the target. Balanced: the rank by cosine within the
    pseudolabel. P-min and P-max: the loss. The greedy ones: their order, and behind it the rest
    by the objective each would reach if it were added next.
    """
    match strategy:
        case Strategy.RANDOM:
            order = np.random.default_rng(seed).permutation(features.n_documents)
            return _by_place(order, features.n_documents)
        case Strategy.TOP_K:
            return objective_after(features, (), None)
        case Strategy.TOP_K_BALANCED:
            return _rank_within(pseudolabels, objective_after(features, (), None))
        case Strategy.P_MIN:
            return -base_losses
        case Strategy.P_MAX:
            return base_losses
        case Strategy.SELECT | Strategy.SELECT_PLUS | Strategy.SELECT_BATCH:
            n_chosen = len(selection.documents)
            is_batched = strategy is Strategy.SELECT_BATCH
            since = n_chosen // batch_size * batch_size if is_batched else 0
            weights = selection.weights and selection.weights[since:]
            scores = objective_after(features, selection.documents[since:], weights)
            # A cosine is at most 1: what was chosen stays ahead of what was not.
            scores[list(selection.documents)] = 2.0 + _by_place(np.arange(n_chosen), n_chosen)
            return scores


def objective_after(
    features: FactoredGradients, documents: tuple[int, ...], weights: tuple[float, ...] | None
) -> NDArray[np.float64]:
    """cos(s + g_i, target), averaged over checkpoints, for every i, (n); s sums ``documents``.

    Zero gradients rank last.
    """
    index = list(documents)
    counted = np.asarray(weights or [1.0] * len(index))
    with_each = features.inner_products_with_sum(index, counted).astype(np.float64)
    alignment = np.asarray(features.alignment, np.float64)
    along = alignment + (alignment[:, index] @ counted)[:, None]
    own = (with_each[:, index] @ counted)[:, None]
    squared = own + 2 * with_each + features.squared_norms
    length = np.sqrt(np.maximum(squared, 0)) * np.asarray(features.target_norms)[:, None]
    cosines = np.divide(along, length, out=np.zeros_like(along), where=length > 0).mean(axis=0)
    return np.where((features.squared_norms > 0).any(axis=0), cosines, -2.0)


def _by_place(order: NDArray[np.integer], n: int) -> NDArray[np.float64]:
    """1 for the document that comes first, falling towards 0."""
    scores = np.empty(n)
    scores[order] = 1 - np.arange(n) / max(n, 1)
    return scores


def _rank_within(groups: NDArray[np.int64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minus the number of documents of the same group with a higher score."""
    ranks = np.empty(len(scores))
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        ranks[own[np.argsort(-scores[own], kind="stable")]] = -np.arange(len(own))
    return ranks
