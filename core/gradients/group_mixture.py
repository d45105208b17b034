"""Which groups of documents explain a weight difference: cosines, and a non-negative mixture.

A group's mean gradient M_k stands for training on its like. Fine-tuning on N_k documents of each
moves the weights along Σ_k N_k M_k to first order, so the mixture that fits the target best with
non-negative weights estimates the N_k. Beyond the paper, which has one corpus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from assay.core.gradients.features import GradientFeatures

# Keeps the Cholesky factor of nearly parallel means finite.
_RIDGE = 1e-9


@dataclass(frozen=True)
class GroupFit:
    """Of K groups, each (K, float64): cosines of the mean gradients with the target, mean over
    checkpoints; shares of the non-negative mixture (zeros if no group points to the target); and
    centroid_shares, in proportion to the positive cosines."""

    cosines: NDArray[np.float64]
    shares: NDArray[np.float64]
    centroid_shares: NDArray[np.float64]


def fit_groups(
    features: GradientFeatures, groups: NDArray[np.int64], counts: NDArray[np.float64]
) -> GroupFit:
    """Fit groups numbered from 0, document i counted ``counts[i]`` times (n).

    ValueError if a group has no document that counts.
    """
    weights = np.zeros((int(groups.max()) + 1, len(groups)))
    weights[groups, np.arange(len(groups))] = counts
    totals = weights.sum(axis=1, keepdims=True)
    if not totals.all():
        raise ValueError(f"group {int(totals.argmin())} has no document that counts")
    weights = (weights / totals).astype(np.float32)
    means = np.asarray(features.weighted_sums(weights), np.float64)
    alignment = np.asarray(features.alignment, np.float64) @ weights.T
    gram = means @ means.mT
    lengths = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    products = lengths * np.asarray(features.target_norms)[:, None]
    cosines = np.divide(alignment, products, out=np.zeros_like(products), where=products > 0)
    mean_cosines = cosines.mean(axis=0)
    return GroupFit(
        mean_cosines,
        _normalised(_non_negative(gram.sum(axis=0), alignment.sum(axis=0))),
        _normalised(mean_cosines.clip(min=0)),
    )


def redrawn(generator: np.random.Generator, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each document is drawn when every group is drawn anew with replacement, (n)."""
    counts = np.zeros(len(groups))
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        counts[members] = generator.multinomial(
            len(members), np.full(len(members), 1 / len(members))
        )
    return counts


def _non_negative(gram: NDArray[np.float64], alignment: NDArray[np.float64]) -> NDArray[np.float64]:
    """w ≥ 0 that minimises ‖target − Σ w_k M_k‖², given the products alone."""
    ridge = _RIDGE * max(float(np.trace(gram)), np.finfo(np.float64).tiny)
    factor = np.linalg.cholesky(gram + ridge * np.eye(len(gram)))
    return nnls(factor.T, np.linalg.solve(factor, alignment))[0]


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = values.sum()
    return values / total if total else np.zeros_like(values)
