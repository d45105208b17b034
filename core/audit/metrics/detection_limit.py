"""How few leaked documents an audit's selections would still have told from none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.metrics.rows import MetricRow
from assay.core.specs.audit import AuditSpec
from assay.core.specs.metrics import Metric
from assay.core.stats.detection_limit import POWER, detection_limit
from assay.core.stats.intervals import CONFIDENCE, SIGNIFICANCE


def detection_limits(
    spec: AuditSpec,
    builder: AuditBuilder,
    is_trained: NDArray[np.bool_],
    is_held_out: NDArray[np.bool_],
) -> Iterator[MetricRow]:
    """Of every strategy, in its pool and within the domain: shares of the reference set, with the
    limits at the ends of the odds ratio's interval. No row where all of it would not do."""
    ((n_known,),) = builder.rows("SELECT count(*) FROM reference_documents")
    n_leaked = int(is_trained.sum())
    n_reference = max(n_known, n_leaked)
    is_inside = is_trained | is_held_out
    for strategy in spec.strategies:
        chosen = builder.rows("SELECT document_id FROM selections WHERE strategy = ?", [strategy])
        is_chosen = np.zeros(len(is_trained), bool)
        is_chosen[[row[0] for row in chosen]] = True
        pools = {Metric.DETECTION_LIMIT: np.ones_like(is_inside)}
        if is_held_out.any():
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
                    method=f"noncentral hypergeometric, {POWER:.0%} power at p < {SIGNIFICANCE}, "
                    "averaged over the odds ratios compatible with the measured one",
                    low=_share(limit.at_least, n_reference),
                    high=_share(limit.at_most, n_reference),
                    confidence=CONFIDENCE,
                    n=limit.n_leaked,
                )


def _share(n_leaked: int | None, n_reference: int) -> float | None:
    return None if n_leaked is None else n_leaked / n_reference
