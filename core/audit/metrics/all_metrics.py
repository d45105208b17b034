"""Every measured quantity of every selection of an audit."""

from __future__ import annotations

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.gradient_request import read_features
from assay.core.audit.metrics.base import SelectionMetric, judged
from assay.core.audit.metrics.class_balance import Imbalance
from assay.core.audit.metrics.cosine import Cosine, write_random_objective
from assay.core.audit.metrics.coverage import EmbeddingRecall
from assay.core.audit.metrics.duplicates import overlap_metrics, write_near_duplicates
from assay.core.audit.metrics.embeddings import Embedded
from assay.core.audit.metrics.null_draws import random_draws
from assay.core.audit.metrics.recall import located_metrics
from assay.core.audit.metrics.replacement_curve import write_replacement_curve
from assay.core.audit.metrics.rows import write_metrics
from assay.core.audit.metrics.transport import TransportToReference
from assay.core.audit.metrics.vocabulary import Containment
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.gradients.features import GradientFeatures
from assay.core.models.text_model import Tokenization
from assay.core.runtime.progress import Progress
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy


def measure_selections(
    spec: AuditSpec,
    builder: AuditBuilder,
    features: GradientFeatures,
    tokenization: Tokenization,
    progress: Progress,
) -> None:
    """Write what can be said of each selection itself, beside the same of random selections."""
    selections = {strategy: _selected(builder, strategy) for strategy in spec.strategies}
    draws = random_draws(spec, features)
    write_random_objective(builder, features, draws)
    judges: list[SelectionMetric] = [Cosine(builder)]
    if spec.task is Task.CLASSIFICATION:
        judges.append(Imbalance(builder, len(tokenization.label_names)))
    if spec.reference is not None:
        judges += _beside_the_reference(spec, builder, tokenization)
        progress.advance(1)
        write_near_duplicates(builder)
        write_metrics(builder, list(overlap_metrics(builder, selections)))
        progress.advance(1)
    for judge in judges:
        write_metrics(builder, list(judged(judge, selections, draws)))
        progress.advance(1)
    for strategy, documents in selections.items():
        write_metrics(builder, located_metrics(spec, builder, strategy, documents))


def _beside_the_reference(
    spec: AuditSpec, builder: AuditBuilder, tokenization: Tokenization
) -> list[SelectionMetric]:
    """What needs the reference set; writes the yardstick of its distances."""
    embedded = Embedded.read(builder, spec)
    transport = TransportToReference(embedded, spec)
    containment = Containment(builder, tokenization, spec)
    for judge in (transport, containment):
        write_replacement_curve(builder, spec, judge)
    return [transport, EmbeddingRecall(embedded, spec), containment]


def _selected(builder: AuditBuilder, strategy: Strategy) -> list[int]:
    query = "SELECT document_id FROM selections WHERE strategy = ? ORDER BY rank"
    return [row[0] for row in builder.rows(query, [strategy])]


def measure(
    question: ResolvedAudit, builder: AuditBuilder, tokenization: Tokenization, progress: Progress
) -> None:
    if builder.is_done("metrics"):
        return
    with progress.stage("measure", 7), builder.stage("metrics"):
        features = read_features(builder, question.spec)
        measure_selections(question.spec, builder, features, tokenization, progress)
