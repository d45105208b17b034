"""The stage that makes every strategy's selection."""

from __future__ import annotations

import numpy as np

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.gradient_request import read_features
from assay.core.audit.metrics.rows import MetricRow, write_metrics
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.audit.stages.embedding_agreement import read_embedding_scores
from assay.core.runtime.progress import Progress
from assay.core.selection.strategies import has_nothing_to_rank_by, make_selection
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy


def make_selections(question: ResolvedAudit, builder: AuditBuilder, progress: Progress) -> None:
    if builder.is_done("selections"):
        return
    spec = question.spec
    with progress.stage("select", len(spec.strategies)), builder.stage("selections"):
        features = read_features(builder, spec)
        scores = builder.columns(
            "SELECT pseudolabel::BIGINT AS pseudolabel, base_loss::DOUBLE AS base_loss "
            "FROM scores ORDER BY document_id"
        )
        losses = np.asarray(scores["base_loss"])
        embedding_scores = read_embedding_scores(builder)
        for strategy in spec.strategies:
            selection = make_selection(
                strategy,
                features,
                np.asarray(scores["pseudolabel"]),
                losses,
                spec.budget,
                question.training.batch_size,
                spec.seed,
                embedding_scores,
            )
            builder.write(
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
            if has_nothing_to_rank_by(strategy, features, losses, embedding_scores):
                write_metrics(builder, [_equal_scores(strategy, features.n_documents)])
            progress.advance(1)


def _equal_scores(strategy: Strategy, n_documents: int) -> MetricRow:
    return MetricRow(
        strategy,
        Metric.EQUAL_SCORES,
        value=1.0,
        n=n_documents,
        method="all scores one value but for rounding; the selection is a random draw",
    )
