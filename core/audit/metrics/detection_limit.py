"""The smallest number of leaked documents that an audit's selections would have detected."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.rows import MetricRow
from assay.core.specs.metrics import Metric
from assay.core.stats.detection_limit import POWER, detection_limit
from assay.core.stats.intervals import CONFIDENCE, SIGNIFICANCE


def detection_limits(audit: AuditContext) -> Iterator[MetricRow]:
    """Every strategy's limits, in its pool and in the domain, as shares of the reference set.

    The bounds are the limits at the ends of the odds ratio's interval. There is no row if even the
    whole reference set would not be detected.
    """
    is_trained, is_inside = audit.roles.is_trained, audit.roles.is_inside
    n_leaked = int(is_trained.sum())
    n_reference = max(audit.rows.n_reference(), n_leaked)
    for strategy in audit.spec.strategies:
        is_chosen = np.zeros(len(is_trained), bool)
        is_chosen[list(audit.rows.selection(strategy).documents)] = True
        pools = {Metric.DETECTION_LIMIT: np.ones_like(is_inside)}
        if audit.roles.is_held_out.any():
            pools[Metric.MEMBERSHIP_DETECTION_LIMIT] = is_inside
        for metric, is_pool in pools.items():
            limit = detection_limit(
                int(is_pool.sum()),
                n_leaked,
                int((is_chosen & is_pool).sum()),
                int((is_chosen & is_trained).sum()),
                n_reference,
                SIGNIFICANCE,
            )
            if limit.n_leaked is not None:
                yield MetricRow(
                    strategy,
                    metric,
                    value=limit.n_leaked / n_reference,
                    method=f"smallest share found at p < {SIGNIFICANCE} with {POWER:.0%} power: "
                    "noncentral hypergeometric distribution, averaged over all odds ratios that "
                    "agree with the measured one",
                    low=_share(limit.at_least, n_reference),
                    high=_share(limit.at_most, n_reference),
                    confidence=CONFIDENCE,
                    n=limit.n_leaked,
                )


def _share(n_leaked: int | None, n_reference: int) -> float | None:
    return None if n_leaked is None else n_leaked / n_reference
