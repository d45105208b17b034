"""What selection needs to know of the gradients, whatever form they are kept in.

All arrays follow the Array API, so NumPy serves the pages and torch the GPU. The leading axis j
runs over the synthetic checkpoints (DESIGN §2; one by default).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from array_api_compat import array_namespace

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

    def subset(self, documents: Sequence[int]) -> FactoredGradients:
        xp = array_namespace(self.errors)
        index = xp.asarray(list(documents), dtype=xp.int64)
        return FactoredGradients(
            xp.take(self.errors, index, axis=1), xp.take(self.hidden, index, axis=1), self.target
        )
