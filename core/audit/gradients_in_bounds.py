"""An audit's gradients: in memory where they fit into what is left of it, otherwise on disk.

What is selected is the same to the last bit (``core.gradients.windows``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.cache.audits.arrays import in_memory
from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.matrices import StoredMatrix
from assay.cache.files.spilled import SpilledRows
from assay.core.gradients.blocked import BlockedFactors, BlockedProjections
from assay.core.gradients.features import (
    FactoredGradients,
    GradientFeatures,
    gradient_features,
    projected_factors,
)
from assay.core.gradients.windows import windows
from assay.core.runtime.memory import UNBOUNDED, MemoryBound

# The share of the memory that is left beside products; the rest is for what else is computed.
_SHARE = 0.5
_PRODUCTS_BYTES = 256 << 20


@dataclass(frozen=True)
class GradientsInBounds:
    """Reads the gradients of the audit that is being built.

    In memory they are read again at each call: they are too large to keep. ``on_disk`` keeps those
    that are there.
    """

    builder: AuditBuilder
    on_disk: dict[Any, GradientFeatures]
    memory: MemoryBound = UNBOUNDED

    def last_layers(self) -> GradientFeatures:
        """As they are stored: factored and exact, or projected."""
        return self._read("exact", self.builder.gradients)

    def projected(self, dimension: int, seed: int) -> GradientFeatures:
        """The same, factored ones projected; others are so already."""
        exact = self.last_layers()
        if isinstance(exact, FactoredGradients):
            return projected_factors(exact, dimension, seed)
        if not isinstance(exact, BlockedFactors):
            return exact
        if dimension not in self.on_disk:
            self.on_disk[dimension] = self._projected_on_disk(exact, dimension, seed)
        return self.on_disk[dimension]

    def at_embeddings(self) -> GradientFeatures | None:
        """At the input embeddings; None where none were taken."""
        if self.builder.embedding_gradients(_n_bytes) is None:
            return None
        return self._read("embeddings", self.builder.embedding_gradients)

    def _read(self, name: str, read: Callable[..., Any]) -> GradientFeatures:
        if name in self.on_disk:
            return self.on_disk[name]
        n_bytes = sum(own for own in read(_n_bytes).values() if isinstance(own, int))
        if n_bytes <= _SHARE * (self.memory.left() - _PRODUCTS_BYTES):
            return gradient_features(read(in_memory))
        arrays = read(self._spilled)
        kind = BlockedFactors if "errors" in arrays else BlockedProjections
        self.on_disk[name] = kind(**arrays, open_scratch=self._scratch)
        return self.on_disk[name]

    def _spilled(self, stored: Sequence[StoredMatrix]) -> list[SpilledRows]:
        return [own.spilled(self.builder.store.building) for own in stored]

    def _scratch(self, n_values: int) -> SpilledRows:
        return SpilledRows(self.builder.store.building, n_values)

    def _projected_on_disk(
        self, exact: BlockedFactors, dimension: int, seed: int
    ) -> BlockedProjections:
        matrices: list[SpilledRows] = []
        for part in windows(exact.n_documents):
            own = projected_factors(exact.window(part), dimension, seed).projected
            matrices = matrices or [self._scratch(own.shape[-1]) for _ in own]
            for matrix, rows in zip(matrices, own, strict=True):
                matrix.append(np.asarray(rows))
        return BlockedProjections(
            self._scratch, matrices, exact.alignment, exact.squared_norms, exact.target_norms
        )


def _n_bytes(stored: Sequence[StoredMatrix]) -> int:
    """What the matrices take in memory."""
    return sum(4 * own.n_rows * own.width for own in stored)
