"""Every measured quantity of every selection of an audit."""

from __future__ import annotations

from cache.writer import AuditBuilder
from core.audit.measures.containment import Containment
from core.audit.measures.cosine import Cosine
from core.audit.measures.draws import random_draws
from core.audit.measures.embedded import Embedded
from core.audit.measures.imbalance import Imbalance
from core.audit.measures.judge import Judge, judged
from core.audit.measures.located import located_metrics
from core.audit.measures.transport import TransportToReference
from core.audit.metric_rows import write_metrics
from core.maths.features import GradientFeatures
from core.models.text_model import TextModel
from core.progress import Progress
from core.specs import AuditSpec, Strategy, Task


def measure_selections(
    spec: AuditSpec,
    builder: AuditBuilder,
    features: GradientFeatures,
    tokenizer: TextModel,
    progress: Progress,
) -> None:
    """Write what can be said of each selection itself, beside the same of random selections."""
    judges: list[Judge] = [Cosine(builder, features)]
    if spec.task is Task.CLASSIFICATION:
        judges.append(Imbalance(builder, len(tokenizer.label_names)))
    if spec.reference is not None:
        embedded = Embedded.read(builder, spec)
        judges += [TransportToReference(embedded, spec), Containment(builder, tokenizer, spec)]
    selections = {strategy: _selected(builder, strategy) for strategy in spec.strategies}
    draws = random_draws(spec, features)
    for judge in judges:
        write_metrics(builder, list(judged(judge, selections, draws)))
        progress.advance(1)
    for strategy, documents in selections.items():
        write_metrics(builder, located_metrics(spec, builder, strategy, documents))


def _selected(builder: AuditBuilder, strategy: Strategy) -> list[int]:
    query = "SELECT document_id FROM selections WHERE strategy = ? ORDER BY rank"
    return [row[0] for row in builder.rows(query, [strategy])]
