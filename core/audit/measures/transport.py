"""How far a selection's sentence embeddings are from the reference set's."""

from __future__ import annotations

from collections.abc import Sequence

from core.audit.measures.draws import true_sample
from core.audit.measures.embedded import Embedded
from core.audit.measures.judge import Judge
from core.maths.transport import transport_distance
from core.specs import AuditSpec, Metric


class TransportToReference(Judge):
    """Optimal transport to the reference set; at best, that of as many true documents."""

    metric = Metric.TRANSPORT

    def __init__(self, embedded: Embedded, spec: AuditSpec) -> None:
        self._embedded = embedded
        reference = embedded.reference
        sample = true_sample(len(reference), spec)
        self.ceiling = transport_distance(reference[sample], reference).distance

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        embedded = self._embedded
        result = transport_distance(embedded.pool[list(documents)], embedded.reference)
        return result.distance, result.method + embedded.sampled
