"""Gradients of pools drawn from one corpus: products found for one pool serve the pools after it.

A titration selects from many pools of the same documents. Most of its time goes into products of
a likely document with all others, and from one pool to the next those documents are mostly the
same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from assay.core.gradients.features import GradientFeatures, Scratch
from assay.core.gradients.windows import windows

# 128 MB in single precision.
_MOST_VALUES_KEPT = 1 << 25


class RememberedProducts:
    """Inner products of documents with the whole corpus, each found once while there is room.

    NumPy features. Visitors of one page share it, so it takes a lock.
    """

    def __init__(self, features: GradientFeatures) -> None:
        self.features = features
        self._known: dict[int, NDArray[np.float32]] = {}
        self._lock = Lock()

    def among(self, rows: NDArray[np.int64], documents: Sequence[int]) -> NDArray[np.float32]:
        """⟨g_i, g_j⟩ for every i of ``rows`` and each j of ``documents``, (J × n × m)."""
        with self._lock:
            missing = [j for j in documents if j not in self._known]
            size = self.features.alignment.size
            if (len(self._known) + len(missing)) * size > _MOST_VALUES_KEPT:
                self._known.clear()
                missing = list(documents)
            if missing:
                products = self.features.inner_products_with(missing)
                for at, number in enumerate(missing):
                    self._known[number] = np.ascontiguousarray(products[:, :, at])
            found = np.stack([self._known[j].take(rows, axis=1) for j in documents], axis=1)
        # Each document's products stay together in memory, as they are read.
        return np.moveaxis(found, 1, -1)


@dataclass(frozen=True)
class PoolGradients:
    """``GradientFeatures`` of a pool: the documents ``rows`` of a corpus, in this order."""

    remembered: RememberedProducts
    rows: NDArray[np.int64]
    n_together: ClassVar[int] = 16

    @property
    def n_documents(self) -> int:
        return len(self.rows)

    @cached_property
    def alignment(self) -> NDArray[np.float32]:
        return self._whole.alignment[:, self.rows]

    @cached_property
    def squared_norms(self) -> NDArray[np.float32]:
        return self._whole.squared_norms[:, self.rows]

    @property
    def target_norms(self) -> NDArray[np.float32]:
        return self._whole.target_norms

    def inner_products_with(self, documents: Sequence[int]) -> NDArray[np.float32]:
        return self.remembered.among(self.rows, self.rows[list(documents)].tolist())

    def weighted_sums(self, weights: NDArray) -> NDArray:
        return sum(
            self.subset(range(part.start, part.stop)).weighted_sums(weights[:, part])
            for part in windows(self.n_documents)
        )

    def subset(self, documents: Sequence[int]) -> GradientFeatures:
        """Not a pool: the products of a few documents with each other need not be remembered."""
        return self._whole.subset(self.rows[list(documents)].tolist())

    def scratch(self, n_rows: int, n_values: int) -> Scratch:
        return self._whole.scratch(n_rows, n_values)

    @property
    def _whole(self) -> GradientFeatures:
        return self.remembered.features
