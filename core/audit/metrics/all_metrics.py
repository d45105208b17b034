"""All metrics of all selections of an audit."""

from __future__ import annotations

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.base import SelectionMetric, judged
from assay.core.audit.metrics.class_balance import Imbalance
from assay.core.audit.metrics.cosine import Cosine
from assay.core.audit.metrics.coverage import EmbeddingRecall
from assay.core.audit.metrics.duplicates import overlap_metrics, write_near_duplicates
from assay.core.audit.metrics.embeddings import Embedded
from assay.core.audit.metrics.null_draws import random_draws
from assay.core.audit.metrics.recall import located_metrics
from assay.core.audit.metrics.replacement_curve import write_replacement_curve
from assay.core.audit.metrics.rows import write_metrics
from assay.core.audit.metrics.transport import TransportToReference
from assay.core.audit.metrics.vocabulary import Containment
from assay.core.models.text_model import Tokenization
from assay.core.specs.data import Task


def measure_selections(audit: AuditContext, tokenization: Tokenization) -> None:
    """Write all metrics of each selection, compared with random selections."""
    spec, builder, progress = audit.spec, audit.builder, audit.progress
    every = {strategy: audit.rows.selection(strategy).documents for strategy in spec.strategies}
    # A strategy for which no document points towards the difference selects none.
    selections = {strategy: documents for strategy, documents in every.items() if documents}
    draws = random_draws(spec, audit.n_documents)
    judges: list[SelectionMetric] = [Cosine(audit)]
    if spec.task is Task.CLASSIFICATION:
        judges.append(Imbalance(audit, len(tokenization.label_names)))
    if spec.reference is not None:
        judges += _beside_the_reference(audit, tokenization)
        progress.advance(1)
        write_near_duplicates(audit)
        write_metrics(builder, list(overlap_metrics(audit, selections)))
        progress.advance(1)
    for judge in judges:
        write_metrics(builder, list(judged(judge, selections, draws)))
        progress.advance(1)
    for strategy, documents in selections.items():
        write_metrics(builder, located_metrics(audit.roles, strategy, documents))


def _beside_the_reference(audit: AuditContext, tokenization: Tokenization) -> list[SelectionMetric]:
    """Metrics that need the reference set; also writes the replacement curve of its distances."""
    embedded = Embedded.read(audit)
    transport = TransportToReference(embedded, audit.spec)
    containment = Containment(audit, tokenization)
    for judge in (transport, containment):
        write_replacement_curve(audit, judge)
    return [transport, EmbeddingRecall(embedded, audit.spec), containment]


def measure(audit: AuditContext, tokenization: Tokenization) -> None:
    if audit.builder.is_done("metrics"):
        return
    with audit.stage("measure", 7, "metrics"):
        measure_selections(audit, tokenization)
