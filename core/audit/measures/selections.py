"""Every measured quantity of every selection of an audit."""

from __future__ import annotations

from cache.writer import AuditBuilder
from core.audit.measures.containment import Containment
from core.audit.measures.cosine import Cosine, write_random_objective
from core.audit.measures.draws import random_draws
from core.audit.measures.embedded import Embedded
from core.audit.measures.embedding_recall import EmbeddingRecall
from core.audit.measures.imbalance import Imbalance
from core.audit.measures.judge import Judge, judged
from core.audit.measures.located import located_metrics
from core.audit.measures.overlap import overlap_metrics, write_near_duplicates
from core.audit.measures.replacement import write_replacement_curve
from core.audit.measures.transport import TransportToReference
from core.audit.metric_rows import write_metrics
from core.maths.features import GradientFeatures
from core.models.text_model import Tokenization
from core.progress import Progress
from core.specs import AuditSpec, Strategy, Task


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
    judges: list[Judge] = [Cosine(builder)]
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
) -> list[Judge]:
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
