"""How many leaked documents a selection holds, as rows of the ``metrics`` table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from assay.cache.audits.rows import Roles
from assay.core.audit.metrics.rows import MetricRow
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import CONFIDENCE
from assay.core.stats.selection_metrics import located_figures

_METHOD = "Clopper–Pearson interval, hypergeometric p-value"


def located_metrics(roles: Roles, strategy: Strategy, documents: Sequence[int]) -> list[MetricRow]:
    """The rows of one selection; none where no document of the pool is leaked."""
    if not roles.is_trained.any():
        return []
    chosen = np.asarray(documents, dtype=np.int64)
    within = {Metric.MEMBERSHIP_PRECISION: "random selection within the domain"}
    return [
        MetricRow(
            strategy,
            metric,
            _METHOD,
            confidence=CONFIDENCE,
            null_kind=within.get(metric, "random selection"),
            **asdict(figure),
        )
        for metric, figure in located_figures(chosen, roles.is_trained, roles.is_held_out).items()
    ]
