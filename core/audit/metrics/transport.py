"""How far a selection's sentence embeddings are from the reference set's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.metrics.base import MixtureMetric
from assay.core.audit.metrics.embeddings import Embedded
from assay.core.audit.metrics.null_draws import true_sample
from assay.core.similarity.transport import transport_distance
from assay.core.specs.audit import AuditSpec
from assay.core.specs.metrics import Metric

# Larger sets are replaced by random samples of this size, for selections, random draws and
# reference documents alike: all stay exact, and 599 draws take three minutes, not half an hour.
_MAX_DOCUMENTS = 1_000


class TransportToReference(MixtureMetric):
    """Optimal transport to the reference set; at best, that of as many reference documents."""

    metric = Metric.TRANSPORT

    def __init__(self, embedded: Embedded, spec: AuditSpec) -> None:
        self._embedded, self._seed = embedded, spec.seed
        self._target = self._sampled(embedded.reference)
        self.n_reference = len(embedded.reference)
        self.ceiling, _ = self.mixed(true_sample(self.n_reference, spec), [])

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        embedded = self._embedded
        vectors = np.concatenate([embedded.reference[list(true)], embedded.pool.take(documents)])
        result = transport_distance(self._sampled(vectors), self._target)
        return result.distance, result.method + self._of(len(vectors))

    def _sampled(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        order = np.random.default_rng(self._seed).permutation(len(vectors))
        return vectors[np.sort(order[:_MAX_DOCUMENTS])]

    def _of(self, n_selected: int) -> str:
        sets = {"selected": n_selected, "reference": self.n_reference}
        cut = [f"{_MAX_DOCUMENTS:,} {name}" for name, n in sets.items() if n > _MAX_DOCUMENTS]
        return f", {' and '.join(cut)} documents drawn at random" if cut else ""
