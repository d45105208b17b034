"""What selection needs to know of the gradients, whatever form they are kept in.

All arrays follow the Array API, so NumPy serves the pages and torch the GPU. The leading axis j
runs over the synthetic checkpoints (DESIGN §2; one by default).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from array_api_compat import array_namespace

from core.errors import InputError
from core.maths.projection import random_signs

Array = Any  # an Array API array


class GradientFeatures(Protocol):
    """Inner products of n per-example gradients among themselves and with the target."""

    @property
    def n_documents(self) -> int: ...

    @property
    def alignment(self) -> Array:
        """⟨g_i, target⟩, (J × n)."""
        ...

    @property
    def squared_norms(self) -> Array:
        """‖g_i‖², (J × n)."""
        ...

    @property
    def target_norms(self) -> Array:
        """‖target‖, (J)."""
        ...

    def inner_products_with(self, document: int) -> Array:
        """⟨g_document, g_i⟩ for every i, (J × n)."""
        ...

    def weighted_sums(self, weights: Array) -> Array:
        """Σ_i w_mi g_i for weights (m × n), as vectors whose products are those of the sums (or
        estimate them), (J × m × D)."""
        ...

    def subset(self, documents: Sequence[int]) -> GradientFeatures:
        """The same features of some documents, in the order given."""
        ...


@dataclass(frozen=True)
class FactoredGradients:
    """Classification gradients δ_i ⊗ h_i: ⟨g_i, g_j⟩ = (δ_i·δ_j)(h_i·h_j).

    errors: δ, (J × n × C); hidden: h, (J × n × d); target: base − final, (J × C × d); float32.
    """

    errors: Array
    hidden: Array
    target: Array

    @property
    def n_documents(self) -> int:
        return int(self.errors.shape[1])

    @cached_property
    def alignment(self) -> Array:
        xp = array_namespace(self.hidden)
        mapped = self.hidden @ xp.matrix_transpose(self.target)  # J × n × C
        return xp.sum(mapped * self.errors, axis=-1)

    @cached_property
    def squared_norms(self) -> Array:
        xp = array_namespace(self.hidden)
        return xp.sum(self.errors**2, axis=-1) * xp.sum(self.hidden**2, axis=-1)

    @cached_property
    def target_norms(self) -> Array:
        xp = array_namespace(self.target)
        return xp.sqrt(xp.sum(self.target**2, axis=(1, 2)))

    def inner_products_with(self, document: int) -> Array:
        error = self.errors[:, document, :, None]
        state = self.hidden[:, document, :, None]
        return ((self.errors @ error) * (self.hidden @ state))[..., 0]

    def weighted_sums(self, weights: Array) -> Array:
        xp = array_namespace(self.errors)
        sums = [
            xp.matrix_transpose(self.errors * row[:, None]) @ self.hidden  # J × C × d
            for row in weights
        ]
        return xp.reshape(xp.stack(sums, axis=1), (self.errors.shape[0], len(sums), -1))

    def subset(self, documents: Sequence[int]) -> FactoredGradients:
        xp = array_namespace(self.errors)
        index = xp.asarray(list(documents), dtype=xp.int64)
        return FactoredGradients(
            xp.take(self.errors, index, axis=1), xp.take(self.hidden, index, axis=1), self.target
        )


@dataclass(frozen=True)
class ProjectedGradients:
    """Gradients known by a random projection; only products among documents are estimates.

    projected: scaled so that inner products estimate ⟨g_i, g_j⟩, (J × n × k); alignment and
    squared_norms: exact, (J × n); target_norms: exact, (J).
    """

    projected: Array
    alignment: Array
    squared_norms: Array
    target_norms: Array

    @property
    def n_documents(self) -> int:
        return int(self.projected.shape[1])

    def inner_products_with(self, document: int) -> Array:
        return (self.projected @ self.projected[:, document, :, None])[..., 0]

    def weighted_sums(self, weights: Array) -> Array:
        return weights @ self.projected

    def subset(self, documents: Sequence[int]) -> ProjectedGradients:
        xp = array_namespace(self.projected)
        index = xp.asarray(list(documents), dtype=xp.int64)
        projected, alignment, squared_norms = (
            xp.take(values, index, axis=1)
            for values in (self.projected, self.alignment, self.squared_norms)
        )
        return ProjectedGradients(projected, alignment, squared_norms, self.target_norms)


def gradient_features(arrays: Mapping[str, Array]) -> FactoredGradients | ProjectedGradients:
    """Features of the arrays an audit file holds, which say themselves of what kind they are."""
    kind = FactoredGradients if "errors" in arrays else ProjectedGradients
    return kind(**arrays)


def projected_factors(exact: FactoredGradients, dimension: int, seed: int) -> ProjectedGradients:
    """Classification gradients as a projection of ``dimension`` would know them (paper fig. 5).

    δ has few entries and stays whole; h is projected to dimension / C, rounded down (NumPy arrays
    only). InputError if there are more classes than dimensions.
    """
    n_classes, width = exact.errors.shape[-1], exact.hidden.shape[-1]
    if dimension < n_classes:
        raise InputError(
            f"a projection to at least {n_classes} dimensions, one a class",
            str(dimension),
            "raise --projection-dimension",
        )
    n_signs = dimension // n_classes
    signs = random_signs(seed, "hidden", n_signs, width).astype(np.float32) / n_signs**0.5
    states = exact.hidden @ signs.T
    products = exact.errors[..., :, None] * states[..., None, :]
    return ProjectedGradients(
        products.reshape(*products.shape[:2], n_classes * n_signs),
        exact.alignment,
        exact.squared_norms,
        exact.target_norms,
    )
