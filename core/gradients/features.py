"""What selection needs from the gradients, however they are stored.

All arrays follow the Array API: NumPy for the pages, torch for the GPU. The leading axis j is the
synthetic checkpoint (ARCHITECTURE §2; one by default).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from assay.core.errors import InputError
from assay.core.gradients.projection import random_signs
from assay.core.gradients.windows import products_by_window, windows

Array = Any  # an Array API array

# 256 MB in single precision.
_MOST_VALUES_KEPT = 1 << 26


class Scratch(Protocol):
    """Room for rows of float32 values, which are put one after the other."""

    def put(self, row: NDArray[np.float32]) -> None: ...

    def columns(self, part: slice) -> NDArray[np.float32]:
        """Some values of all rows, (rows × values)."""
        ...


class GradientFeatures(Protocol):
    """Inner products of n per-example gradients with each other and with the target.

    ``n_together``: the number of documents for which ``inner_products_with`` is fastest, as
    measured, if a third of them are then used.
    """

    n_together: ClassVar[int]

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

    def inner_products_with(self, documents: Sequence[int]) -> Array:
        """⟨g_i, g_j⟩ for every i and each j of m ``documents``, (J × n × m)."""
        ...

    def weighted_sums(self, weights: Array) -> Array:
        """Σ_i w_mi g_i for weights (m × n), as vectors (J × m × D) with the sums' inner
        products.
        """
        ...

    def subset(self, documents: Sequence[int]) -> GradientFeatures:
        """The same features for some documents, in the given order; in memory."""
        ...

    def scratch(self, n_rows: int, n_values: int) -> Scratch:
        """Room for rows of so many values: in memory if the gradients are."""
        ...


class ScratchInMemory:
    """Room in memory."""

    def __init__(self, n_rows: int, n_values: int) -> None:
        self._rows, self._n_put = np.zeros((n_rows, n_values), np.float32), 0

    def put(self, row: NDArray[np.float32]) -> None:
        self._rows[self._n_put] = row
        self._n_put += 1

    def columns(self, part: slice) -> NDArray[np.float32]:
        return self._rows[: self._n_put, part]


@dataclass(frozen=True)
class FactoredGradients:
    """Classification gradients δ_i ⊗ h_i: ⟨g_i, g_j⟩ = (δ_i·δ_j)(h_i·h_j).

    errors: δ, (J × n × C); hidden: h, (J × n × d); target: base − final, (J × C × d); float32.
    """

    errors: Array
    hidden: Array
    target: Array
    n_together: ClassVar[int] = 16

    @property
    def n_documents(self) -> int:
        return int(self.errors.shape[1])

    @cached_property
    def alignment(self) -> Array:
        xp = array_namespace(self.hidden)
        return xp.concat(
            [self.window(part)._alignment() for part in windows(self.n_documents)], axis=1
        )

    def _alignment(self) -> Array:
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

    def inner_products_with(self, documents: Sequence[int]) -> Array:
        return products_by_window(self, documents)

    def products_with(self, others: FactoredGradients) -> Array:
        """⟨g_i, g_j⟩ of every document with each of m others, (J × n × m)."""
        return _products(self.errors, others.errors) * _products(self.hidden, others.hidden)

    def weighted_sums(self, weights: Array) -> Array:
        xp = array_namespace(self.errors)
        sums = [
            xp.matrix_transpose(self.errors * row[:, None]) @ self.hidden  # J × C × d
            for row in weights
        ]
        return xp.reshape(xp.stack(sums, axis=1), (self.errors.shape[0], len(sums), -1))

    def scratch(self, n_rows: int, n_values: int) -> Scratch:
        return ScratchInMemory(n_rows, n_values)

    def window(self, part: slice) -> FactoredGradients:
        """The same of consecutive documents, without a copy."""
        return FactoredGradients(self.errors[:, part], self.hidden[:, part], self.target)

    def subset(self, documents: Sequence[int]) -> FactoredGradients:
        return FactoredGradients(
            _rows(self.errors, documents), _rows(self.hidden, documents), self.target
        )


@dataclass(frozen=True)
class ProjectedGradients:
    """Gradients known by a random projection; only products between documents are estimates.

    projected: scaled so that inner products estimate ⟨g_i, g_j⟩, (J × n × k); alignment and
    squared_norms: exact, (J × n); target_norms: exact, (J).
    """

    projected: Array
    alignment: Array
    squared_norms: Array
    target_norms: Array
    n_together: ClassVar[int] = 32

    @property
    def n_documents(self) -> int:
        return int(self.projected.shape[1])

    @property
    def dimension(self) -> int:
        """k."""
        return int(self.projected.shape[2])

    def inner_products_with(self, documents: Sequence[int]) -> Array:
        return products_by_window(self, documents)

    def products_with(self, others: ProjectedGradients) -> Array:
        """See ``FactoredGradients``."""
        return _products(self.projected, others.projected)

    def weighted_sums(self, weights: Array) -> Array:
        return weights @ self.projected

    def scratch(self, n_rows: int, n_values: int) -> Scratch:
        return ScratchInMemory(n_rows, n_values)

    def window(self, part: slice) -> ProjectedGradients:
        """See ``FactoredGradients``."""
        return ProjectedGradients(
            self.projected[:, part],
            self.alignment[:, part],
            self.squared_norms[:, part],
            self.target_norms,
        )

    def subset(self, documents: Sequence[int]) -> ProjectedGradients:
        projected, alignment, squared_norms = (
            _rows(values, documents)
            for values in (self.projected, self.alignment, self.squared_norms)
        )
        return ProjectedGradients(projected, alignment, squared_norms, self.target_norms)


class LikelyProducts:
    """One document's inner products with all, found with those of likely next documents.

    Reading every gradient takes most of the time, and one pass can serve many documents. A greedy
    choice mostly ranked high already some choices earlier.
    """

    def __init__(self, features: GradientFeatures) -> None:
        self._features = features
        self._known: dict[int, Array] = {}

    def of(self, document: int, ranking: Array) -> Array:
        """⟨g_document, g_i⟩ for every i, (J × n).

        The likely next documents have a high ``ranking``, (n), and are never those with −∞.
        """
        if document not in self._known:
            self._find(document, np.array(on_host(ranking)))
        return self._known[document]

    def _find(self, document: int, ranking: NDArray[np.float64]) -> None:
        ranking[list(self._known)] = -np.inf
        ranking[document] = np.inf
        n_together = min(self._features.n_together, int((ranking > -np.inf).sum()))
        likely = np.argpartition(-ranking, n_together - 1)[:n_together].tolist()
        products = self._features.inner_products_with(likely)
        n_checkpoints, n_documents, _ = products.shape
        if (len(self._known) + n_together) * n_checkpoints * n_documents > _MOST_VALUES_KEPT:
            self._known.clear()
        self._known |= {number: products[:, :, at] for at, number in enumerate(likely)}


def on_host(values: Array) -> NDArray:
    """As a NumPy array."""
    return np.asarray(array_namespace(values).asarray(values, device="cpu"))


def gradient_features(arrays: Mapping[str, Array]) -> FactoredGradients | ProjectedGradients:
    """Features from the arrays in an audit file, which show which kind they are."""
    kind = FactoredGradients if "errors" in arrays else ProjectedGradients
    return kind(**arrays)


def projected_factors(exact: FactoredGradients, dimension: int, seed: int) -> ProjectedGradients:
    """Classification gradients as if known only by a projection to ``dimension`` (paper fig. 5).

    δ has few entries and is kept whole; h is projected to dimension / C, rounded down (NumPy arrays
    only). InputError if there are more classes than dimensions.
    """
    n_classes, width = exact.errors.shape[-1], exact.hidden.shape[-1]
    if dimension < n_classes:
        raise InputError(
            f"a projection dimension of at least {n_classes}, one per class",
            str(dimension),
            "raise --projection-dimension",
        )
    n_signs = dimension // n_classes
    signs = random_signs(seed, "hidden", n_signs, width).astype(np.float32) / n_signs**0.5
    parts = [_outer(exact.window(part), signs) for part in windows(exact.n_documents)]
    return ProjectedGradients(
        np.concatenate(parts, axis=1), exact.alignment, exact.squared_norms, exact.target_norms
    )


def _outer(exact: FactoredGradients, signs: NDArray[np.float32]) -> NDArray[np.float32]:
    states = exact.hidden @ signs.T
    products = exact.errors[..., :, None] * states[..., None, :]
    return products.reshape(*products.shape[:2], -1)


def _rows(values: Array, documents: Sequence[int]) -> Array:
    xp = array_namespace(values)
    index = xp.asarray(list(documents), dtype=xp.int64, device=device(values))
    return xp.take(values, index, axis=1)


def _products(vectors: Array, others: Array) -> Array:
    """Of every vector with every other, (J × n × m)."""
    return vectors @ array_namespace(vectors).matrix_transpose(others)
