"""SELECT+: orthogonal matching pursuit with non-negative weights (DESIGN §2; ours).

In the spirit of GradMatch's solver (Killamsetty et al., 2021): where SELECT adds gradients with
weight 1, SELECT+ fits the weights of all chosen documents anew after each choice, so the weighted
sum comes nearer the target with as many documents.
"""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve, solve_triangular
from scipy.optimize import nnls

from core.maths.features import Array, GradientFeatures
from core.maths.selection import Selection

# Added to the Gram matrix's diagonal, relative to its mean: near-duplicates stay solvable.
_RIDGE = 1e-6
_TOLERANCE = 1e-10
_MAX_SOLVES = 20


def select_plus(features: GradientFeatures, budget: int) -> Selection:
    """Add the document whose gradient best fits what is left of the target, refit, repeat.

    Over several checkpoints the inner products are summed, each checkpoint's target counting 1;
    ``objective`` is then the cosine of the concatenated gradients, not the mean of cosines.
    A document whose weight a later one took over keeps its place with weight 0. Ends early when
    no document is left that points towards the residual.
    """
    scale = 1 / _host(features.target_norms).astype(np.float64) ** 2
    alignment = scale @ _host(features.alignment).astype(np.float64)
    lengths = np.sqrt(scale @ _host(features.squared_norms).astype(np.float64))
    n_checkpoints = features.target_norms.shape[0]
    n_most = min(budget, len(alignment))
    # Single precision decides which document is next; the weights are fitted in double.
    with_chosen = np.zeros((n_most, len(alignment)), np.float32)
    everything = np.zeros((n_most, n_most))
    chosen: list[int] = []
    objective: list[float] = []
    weights = np.zeros(0)
    available = lengths > 0
    while len(chosen) < n_most:
        residual = alignment - weights.astype(np.float32) @ with_chosen[: len(chosen)]
        fit = np.where(available, residual / np.where(lengths > 0, lengths, 1.0), -np.inf)
        document = int(fit.argmax())
        if fit[document] <= 0:
            break
        products = scale @ _host(features.inner_products_with(document))
        with_chosen[len(chosen)] = products
        chosen.append(document)
        available[document] = False
        last = len(chosen) - 1
        everything[last, : len(chosen)] = everything[: len(chosen), last] = products[chosen]
        gram = everything[: len(chosen), : len(chosen)]
        weights = non_negative_fit(gram, alignment[chosen], np.append(weights, 0.0))
        length = np.sqrt(max(weights @ gram @ weights, 0.0) * n_checkpoints)
        objective.append(float(alignment[chosen] @ weights / length) if length else 0.0)
    total = weights.sum()
    shares = weights * (len(chosen) / total) if total > 0 else np.ones(len(chosen))
    return Selection(tuple(chosen), tuple(objective), tuple(shares.tolist()))


def non_negative_fit(
    gram: NDArray[np.float64], target: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """argmin over w ≥ 0 of wᵀ gram w / 2 − wᵀ target, by active sets (Lawson and Hanson, 1974).

    ``start`` is the fit without the last document: from there it takes a solve or two, where from
    nothing it takes as many as there are documents.
    """
    ridge = _RIDGE * np.trace(gram) / len(gram)
    symmetric = gram + ridge * np.eye(len(gram))
    weights, inside = start, start > 0
    inside[-1] = True
    enough = _TOLERANCE * np.abs(target).max()
    for _ in range(_MAX_SOLVES + len(gram)):
        free = np.zeros(len(gram))
        free[inside] = solve(
            symmetric[np.ix_(inside, inside)], target[inside], assume_a="pos", check_finite=False
        )
        falling = inside & (free <= 0)
        if falling.any():
            step = (weights[falling] / (weights[falling] - free[falling])).min()
            weights = np.where(inside, weights + step * (free - weights), 0.0)
            inside &= ~falling | (weights > weights.max() * _TOLERANCE)
            weights[~inside] = 0.0
            continue
        weights = free
        pull = np.where(inside, -np.inf, target - symmetric @ weights)
        if pull.max() <= enough:
            return weights
        inside[pull.argmax()] = True
    return nnls(cholesky(symmetric), solve_triangular(cholesky(symmetric), target, trans=1))[0]


def _host(values: Array) -> NDArray:
    return np.asarray(array_namespace(values).asarray(values, device="cpu"))
