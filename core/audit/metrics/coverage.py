"""How much of the reference set has a selected document near, in embedding space."""

from __future__ import annotations

from collections.abc import Sequence

from assay.core.audit.metrics.base import SetMetric
from assay.core.audit.metrics.embeddings import Embedded
from assay.core.audit.metrics.null_draws import true_sample
from assay.core.similarity.coverage import N_NEIGHBOURS, is_covered, similarity_floors
from assay.core.specs.audit import AuditSpec
from assay.core.specs.metrics import Metric
from assay.core.stats.intervals import Interval, accuracy


class EmbeddingRecall(SetMetric):
    """The share of reference documents covered; at best, that of as many reference documents."""

    metric = Metric.EMBEDDING_RECALL

    def __init__(self, embedded: Embedded, spec: AuditSpec) -> None:
        self._embedded = embedded
        reference = embedded.reference
        self._floors = similarity_floors(reference)
        sample = true_sample(len(reference), spec)
        self.ceiling = float(is_covered(reference[sample], reference, self._floors).mean())

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        method = f"coverage, {N_NEIGHBOURS} nearest neighbours, Wilson interval"
        return self.interval(documents).value, method + self._embedded.sampled

    def interval(self, documents: Sequence[int]) -> Interval:
        """Over reference documents, as if they were drawn independently."""
        selected = self._embedded.pool.take(documents)
        return accuracy(is_covered(selected, self._embedded.reference, self._floors))
