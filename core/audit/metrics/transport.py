"""How far a selection's sentence embeddings are from the reference set's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.core.audit.metrics.base import MixtureMetric
from assay.core.audit.metrics.embeddings import Embedded
from assay.core.audit.metrics.null_draws import true_sample
from assay.core.similarity.transport import transport_distance
from assay.core.specs.audit import AuditSpec
from assay.core.specs.metrics import Metric

# Of all sets measured at once: 1.6 GB a matrix over them, and the solvers hold a few.
_MAX_PAIRS = 200_000_000


class TransportToReference(MixtureMetric):
    """Optimal transport to the reference set; at best, that of as many true documents."""

    metric = Metric.TRANSPORT

    def __init__(self, embedded: Embedded, spec: AuditSpec) -> None:
        self._embedded = embedded
        reference = embedded.reference
        sample = true_sample(len(reference), spec)
        self.ceiling = transport_distance(reference[sample], reference).distance
        self.n_reference = len(reference)
        self.n_at_once = max(1, _MAX_PAIRS // (spec.budget * len(reference)))

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        embedded = self._embedded
        vectors = np.concatenate([embedded.reference[list(true)], embedded.pool[list(documents)]])
        result = transport_distance(vectors, embedded.reference)
        return result.distance, result.method + embedded.sampled
