"""The stage that makes every strategy's selection."""

from __future__ import annotations

from assay.core.audit.context import AuditContext
from assay.core.selection.strategies import make_selection


def make_selections(audit: AuditContext) -> None:
    if audit.builder.is_done("selections"):
        return
    spec = audit.spec
    with audit.stage("select", len(spec.strategies), "selections"):
        features = audit.features()
        embedding_scores = audit.rows.embedding_scores()
        for strategy in spec.strategies:
            selection = make_selection(
                strategy,
                features,
                audit.scores.pseudolabels,
                audit.scores.base_losses,
                spec.budget,
                audit.training.batch_size,
                spec.seed,
                embedding_scores,
            )
            audit.builder.write(
                "selections",
                {
                    "strategy": [str(strategy)] * len(selection.documents),
                    "rank": range(len(selection.documents)),
                    "document_id": selection.documents,
                    "gain": selection.gains,
                    "objective": selection.objective,
                    "weight": selection.weights or [1.0] * len(selection.documents),
                },
            )
            audit.progress.advance(1)
