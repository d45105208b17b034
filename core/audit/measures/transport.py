"""How far a selection's sentence embeddings are from the reference set's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.audit.measures.draws import true_sample
from core.audit.measures.embedded import Embedded
from core.audit.measures.judge import SetJudge
from core.maths.transport import transport_distance
from core.specs import AuditSpec, Metric


class TransportToReference(SetJudge):
    """Optimal transport to the reference set; at best, that of as many true documents."""

    metric = Metric.TRANSPORT

    def __init__(self, embedded: Embedded, spec: AuditSpec) -> None:
        self._embedded = embedded
        reference = embedded.reference
        sample = true_sample(len(reference), spec)
        self.ceiling = transport_distance(reference[sample], reference).distance

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        return self.mixed([], documents)

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        """The value of true documents, by position among the reference, and others together."""
        embedded = self._embedded
        vectors = np.concatenate([embedded.reference[list(true)], embedded.pool[list(documents)]])
        result = transport_distance(vectors, embedded.reference)
        return result.distance, result.method + embedded.sampled
