"""The stage in which every strategy makes its selection."""

from __future__ import annotations

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.rows import MetricRow, write_metrics
from assay.core.selection.strategies import has_nothing_to_rank_by, make_selection
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy


def make_selections(audit: AuditContext) -> None:
    if audit.builder.is_done("selections"):
        return
    spec = audit.spec
    with audit.stage("select", len(spec.strategies), "selections"):
        inputs = audit.selection_inputs()
        for strategy in spec.strategies:
            selection = make_selection(
                strategy, inputs, spec.budget, audit.training.batch_size, spec.seed
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
            if has_nothing_to_rank_by(strategy, inputs):
                write_metrics(audit.builder, [_equal_scores(strategy, inputs.n_documents)])
            audit.progress.advance(1)


def _equal_scores(strategy: Strategy, n_documents: int) -> MetricRow:
    return MetricRow(
        strategy,
        Metric.EQUAL_SCORES,
        value=1.0,
        n=n_documents,
        method="all scores are equal up to rounding; the selection is a random draw",
    )
