"""Which groups of documents explain a weight difference: cosines, and a non-negative mixture.

A group's mean gradient M_k is what training on documents like it would do. To first order,
fine-tuning on N_k documents of each group moves the weights along Σ_k N_k M_k, so the non-negative
mixture that fits the target best estimates the N_k. The noise of n documents makes ⟨M_k, M_k⟩ too
large by s²/n, which would pull all shares together; it is subtracted. This goes beyond the paper,
which has one corpus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used, see stats/intervals.py
from numpy.typing import NDArray

from assay.core.gradients.features import GradientFeatures

# The least eigenvalue beside the largest: keeps factors of nearly parallel means finite.
_RIDGE = 1e-9
# Fisher's z of a cosine of 1 is infinite.
_NEAR_ONE = 1 - 1e-9


@dataclass(frozen=True)
class GroupFit:
    """Results for K groups, each (K, float64).

    cosines: of the mean gradients with the target, mean over checkpoints, as if every group had as
    many documents as the smallest. shares: of the non-negative mixture (zeros if no group points to
    the target). centroid_shares: in proportion to the positive cosines.
    """

    cosines: NDArray[np.float64]
    shares: NDArray[np.float64]
    centroid_shares: NDArray[np.float64]


def fit_groups(
    features: GradientFeatures, groups: NDArray[np.int64], counts: NDArray[np.float64]
) -> GroupFit:
    """Fit groups numbered from 0; document i counts ``counts[i]`` times (n).

    Noise makes the mean of few gradients longer than that of many, ‖mean‖² by s²/n, and so its
    cosine lower. Cosines are therefore computed for one size m, the smallest group's: for a group
    of n documents, ‖mean‖² + s² (1/m − 1/n) is used as the squared length, which is the average
    over samples of m of its documents. ValueError if a group has no document with weight.
    """
    weights = _indicator(groups) * counts
    totals = weights.sum(axis=1, keepdims=True)
    if not totals.all():
        raise ValueError(f"group {int(totals.argmin())} has no document with weight")
    weights = (weights / totals).astype(np.float32)
    means = np.asarray(features.weighted_sums(weights), np.float64)
    alignment = np.asarray(features.alignment, np.float64) @ weights.T
    gram = means @ means.mT
    squared = np.diagonal(gram, axis1=1, axis2=2)
    sizes = totals[:, 0]
    noise = _noise(features, weights, squared, sizes)
    lengths = np.sqrt(squared + noise * (1 / sizes.min() - 1 / sizes))
    products = lengths * np.asarray(features.target_norms)[:, None]
    cosines = np.divide(alignment, products, out=np.zeros_like(products), where=products > 0)
    mean_cosines = cosines.mean(axis=0)
    return GroupFit(
        mean_cosines,
        _normalised(
            _non_negative(
                gram.sum(axis=0) - np.diag((noise / sizes).sum(axis=0)), alignment.sum(axis=0)
            )
        ),
        _normalised(mean_cosines.clip(min=0)),
    )


def _noise(
    features: GradientFeatures,
    weights: NDArray[np.float32],
    squared: NDArray[np.float64],
    sizes: NDArray[np.integer],
) -> NDArray[np.float64]:
    """s², a group's variance of single gradients, summed over all coordinates, (J × K)."""
    mean_squares = np.asarray(features.squared_norms, np.float64) @ weights.T
    spread = np.maximum(mean_squares - squared, 0)
    return spread * sizes / np.maximum(sizes - 1, 1)


# The number of parts of a group that are left out in turn; in a smaller group, each document.
N_PARTS = 20


def cosine_intervals(
    features: GradientFeatures, groups: NDArray[np.int64], generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper ends of 95% intervals of ``fit_groups``' cosines, (K) each.

    Grouped jackknife: each of 20 random parts of a group (each document of a smaller one) is left
    out in turn. Student's t is applied to Fisher's z, which is symmetric although a cosine is not,
    so the cosine is inside the interval. For a group of one document it is −1 to 1.
    """
    sizes = np.bincount(groups)
    n_parts = np.minimum(sizes, N_PARTS)
    parts, of_group = _parts(groups, generator)
    indicator = _indicator(parts).astype(np.float32)
    sums = np.asarray(features.weighted_sums(indicator), np.float64)  # J × parts × D
    along = np.asarray(features.alignment, np.float64) @ indicator.T
    squares = np.asarray(features.squared_norms, np.float64) @ indicator.T
    in_part = indicator.sum(axis=1)
    norms = np.asarray(features.target_norms)
    low, high = np.full(len(sizes), -1.0), np.full(len(sizes), 1.0)
    for group, n in enumerate(n_parts):
        if n < 2:
            continue
        own = of_group == group
        rest_sizes = sizes[group] - in_part[own]
        total, left = sums[:, own].sum(axis=1, keepdims=True), sums[:, own]
        mean_squared = ((total[:, 0] / sizes[group]) ** 2).sum(axis=-1)
        spread = np.maximum(squares[:, own].sum(axis=1) / sizes[group] - mean_squared, 0)
        noise = spread * sizes[group] / (sizes[group] - 1)
        squared = (((total - left) / rest_sizes[:, None]) ** 2).sum(axis=-1)
        squared += noise[:, None] * (1 / sizes.min() - 1 / rest_sizes)
        rest = (along[:, own].sum(axis=1, keepdims=True) - along[:, own]) / rest_sizes
        lengths = np.sqrt(np.maximum(squared, 1e-12 * noise[:, None])) * norms[:, None]
        without = np.divide(rest, lengths, out=np.zeros_like(rest), where=lengths > 0)
        whole = mean_squared + noise * (1 / sizes.min() - 1 / sizes[group])
        mean = along[:, own].sum(axis=1) / sizes[group]
        length = np.sqrt(whole) * norms
        cosine = np.divide(mean, length, out=np.zeros_like(mean), where=length > 0).mean()
        z = np.arctanh(without.mean(axis=0).clip(-_NEAR_ONE, _NEAR_ONE))
        error = np.sqrt((n - 1) / n * ((z - z.mean()) ** 2).sum())
        reach = scipy.stats.t.ppf(0.975, n - 1) * error
        centre = np.arctanh(cosine.clip(-_NEAR_ONE, _NEAR_ONE))
        low[group], high[group] = np.tanh(centre - reach), np.tanh(centre + reach)
    return low, high


@dataclass(frozen=True)
class CosineInterval:
    """A group's cosine with its interval from ``cosine_intervals``, and its number of documents."""

    cosine: float
    low: float
    high: float
    n_documents: int

    @property
    def _freedom(self) -> int:
        return min(self.n_documents, N_PARTS) - 1

    @property
    def _error(self) -> float:
        """Standard error of Fisher's z."""
        low, high = np.arctanh(np.clip([self.low, self.high], -_NEAR_ONE, _NEAR_ONE))
        return float((high - low) / 2 / scipy.stats.t.ppf(0.975, self._freedom))

    @property
    def p_value(self) -> float:
        """Two-sided, that the cosine is zero: under 5% where the interval leaves zero out."""
        if self._freedom < 1:
            return 1.0
        z = abs(float(np.arctanh(np.clip(self.cosine, -_NEAR_ONE, _NEAR_ONE))))
        return float(2 * scipy.stats.t.sf(z / max(self._error, 1e-12), self._freedom))

    def at(self, confidence: float) -> tuple[float, float]:
        """The interval's ends at another confidence than 95%."""
        if self._freedom < 1:
            return -1.0, 1.0
        centre = float(np.arctanh(np.clip(self.cosine, -_NEAR_ONE, _NEAR_ONE)))
        reach = float(scipy.stats.t.ppf((1 + confidence) / 2, self._freedom)) * self._error
        return float(np.tanh(centre - reach)), float(np.tanh(centre + reach))


def redrawn_shares(
    features: GradientFeatures,
    groups: NDArray[np.int64],
    generator: np.random.Generator,
    n_draws: int,
) -> Iterator[NDArray[np.float64]]:
    """Shares of ``fit_groups`` as they vary with everything that they rest on, each (K).

    Every group is drawn anew with replacement; and the target, a sum over training documents that
    are not known, is varied as much as the best mixture leaves unexplained, in the directions in
    which documents of the groups differ from their means.
    """
    sizes = np.bincount(groups)
    weights = _indicator(groups) / sizes[:, None]
    means = np.asarray(features.weighted_sums(weights.astype(np.float32)), np.float64)
    alignment = np.asarray(features.alignment, np.float64)
    gram = means @ means.mT
    squared = np.diagonal(gram, axis1=1, axis2=2)
    noise = _noise(features, weights.astype(np.float32), squared, sizes).sum(axis=0)
    gram, along = gram.sum(axis=0), (alignment @ weights.T).sum(axis=0)
    corrected = gram - np.diag(noise / sizes)
    fitted = _non_negative(corrected, along)
    shares = _normalised(fitted) if fitted.any() else sizes / sizes.sum()
    targets = np.asarray(features.target_norms, np.float64)
    left = (targets**2).sum() - 2 * fitted @ along + fitted @ corrected @ fitted
    typical = float(shares @ noise)
    spread = _spread_along_means(features, groups, means, shares, generator)
    covariance = spread * (max(float(left), 0.0) / typical if typical > 0 else 0.0)
    reach = np.linalg.cholesky(covariance + _RIDGE * _trace(covariance) * np.eye(len(sizes)))
    for _ in range(n_draws):
        drawn = _indicator(groups) * redrawn(generator, groups) / sizes[:, None]
        own = np.asarray(features.weighted_sums(drawn.astype(np.float32)), np.float64)
        # A mean drawn anew errs about the documents' as that errs about the true one.
        products = (own @ own.mT).sum(axis=0) - np.diag(2 * noise / sizes)
        varied = (alignment @ drawn.T).sum(axis=0) + reach @ generator.normal(size=len(sizes))
        yield _normalised(_non_negative(products, varied))


def _spread_along_means(
    features: GradientFeatures,
    groups: NDArray[np.int64],
    means: NDArray[np.float64],
    shares: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Covariance of ⟨g, M_k⟩ within groups, (K × K), in the mixture's proportions; from the means
    of random parts of each group, so that no single gradient need be formed."""
    parts, of_part = _parts(groups, generator)
    indicator = _indicator(parts)
    in_part = indicator.sum(axis=1)
    own = (indicator / in_part[:, None]).astype(np.float32)
    sums = np.asarray(features.weighted_sums(own), np.float64)  # J × parts × D
    along = ((sums - means[:, of_part]) @ means.mT).sum(axis=0) * np.sqrt(in_part)[:, None]
    total = np.zeros((len(shares), len(shares)))
    for group, share in enumerate(shares):
        rows = along[of_part == group]
        if len(rows) > 1:
            total += share * rows.T @ rows / (len(rows) - 1)
    return total


def _parts(
    groups: NDArray[np.int64], generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each document's part of its group, numbered through all groups (n), and each part's group."""
    n_parts = np.minimum(np.bincount(groups), N_PARTS)
    parts = np.empty(len(groups), np.int64)
    for group, n in enumerate(n_parts):
        members = generator.permutation(np.flatnonzero(groups == group))
        parts[members] = n_parts[:group].sum() + np.arange(len(members)) % n
    return parts, np.repeat(np.arange(len(n_parts)), n_parts)


def _indicator(groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 where a document (column) is of a group (row)."""
    found = np.zeros((int(groups.max()) + 1, len(groups)))
    found[groups, np.arange(len(groups))] = 1
    return found


def redrawn(generator: np.random.Generator, groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each document is drawn when every group is resampled with replacement, (n)."""
    counts = np.zeros(len(groups))
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        counts[members] = generator.multinomial(
            len(members), np.full(len(members), 1 / len(members))
        )
    return counts


def _non_negative(gram: NDArray[np.float64], alignment: NDArray[np.float64]) -> NDArray[np.float64]:
    """w ≥ 0 that minimises ‖target − Σ w_k M_k‖², from the inner products alone.

    After noise is subtracted, ``gram`` may not be a Gram matrix; the nearest one is used.
    """
    values, vectors = np.linalg.eigh(gram)
    least = _RIDGE * max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    # gram = factor @ factorᵀ, and least squares of factorᵀ w against this has the same minimum.
    factor = vectors * np.sqrt(values.clip(min=least))
    return scipy.optimize.nnls(factor.T, np.linalg.solve(factor, alignment))[0]


def _trace(matrix: NDArray[np.float64]) -> float:
    return max(float(np.trace(matrix)), np.finfo(np.float64).tiny)


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    total = values.sum()
    return values / total if total else np.zeros_like(values)
