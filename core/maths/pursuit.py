"""SELECT+: orthogonal matching pursuit with non-negative weights (DESIGN §2; ours).

In the spirit of GradMatch's solver (Killamsetty et al., 2021): where SELECT adds gradients with
weight 1, SELECT+ fits the weights of all chosen documents anew after each choice, so the weighted
sum comes nearer the target with as many documents.
"""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from core.maths.features import Array, GradientFeatures
from core.maths.selection import Selection

# Added to the Gram matrix's diagonal, relative to its mean: near-duplicates stay solvable.
_RIDGE = 1e-6


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
    with_chosen = np.zeros((min(budget, len(alignment)), len(alignment)))
    chosen: list[int] = []
    objective: list[float] = []
    weights = np.zeros(0)
    available = lengths > 0
    while len(chosen) < len(with_chosen):
        residual = alignment - weights @ with_chosen[: len(chosen)]
        fit = np.where(available, residual / np.where(lengths > 0, lengths, 1.0), -np.inf)
        document = int(fit.argmax())
        if fit[document] <= 0:
            break
        with_chosen[len(chosen)] = scale @ _host(features.inner_products_with(document))
        chosen.append(document)
        available[document] = False
        gram = with_chosen[: len(chosen), chosen]
        weights = _non_negative_fit(gram, alignment[chosen])
        length = np.sqrt(max(weights @ gram @ weights, 0.0) * n_checkpoints)
        objective.append(float(alignment[chosen] @ weights / length) if length else 0.0)
    total = weights.sum()
    shares = weights * (len(chosen) / total) if total > 0 else np.ones(len(chosen))
    return Selection(tuple(chosen), tuple(objective), tuple(shares.tolist()))


def _non_negative_fit(gram: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray:
    """argmin over w ≥ 0 of wᵀ gram w / 2 − wᵀ target, as least squares on the Cholesky factor."""
    ridge = _RIDGE * np.trace(gram) / len(gram)
    symmetric = (gram + gram.T) / 2 + ridge * np.eye(len(gram))
    lower = np.linalg.cholesky(symmetric)
    halfway = solve_triangular(lower, target, lower=True)
    free = solve_triangular(lower.T, halfway)
    # The unconstrained fit, where it is non-negative, is the constrained one; it nearly always is.
    return free if (free >= 0).all() else nnls(lower.T, halfway)[0]


def _host(values: Array) -> NDArray:
    return np.asarray(array_namespace(values).asarray(values, device="cpu"))
