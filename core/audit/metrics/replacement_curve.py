"""The yardstick beside distances: true data of which more and more is replaced."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.metrics.base import MixtureMetric
from assay.core.runtime.parallel import in_threads
from assay.core.similarity.replacement_curve import N_DRAWS, SHARES, Mixture, mixtures
from assay.core.specs.audit import AuditSpec


def write_replacement_curve(builder: AuditBuilder, spec: AuditSpec, judge: MixtureMetric) -> None:
    """Fill ``replacement_curve`` for a judge: 10% more replaced at a time by other documents
    of the pool, and all of it by held-out ones where they are known."""
    columns = builder.columns(
        "SELECT document_id, source = ? AS is_held_out FROM documents WHERE NOT in_reference "
        "ORDER BY document_id",
        [spec.held_out_source or ""],
    )
    others, is_held_out = np.asarray(columns["document_id"]), np.asarray(columns["is_held_out"])
    for replaced_by, documents, shares in (
        ("pool", others, SHARES),
        ("held-out", others[is_held_out.astype(bool)], (1.0,)),
    ):
        size = min(spec.budget, judge.n_reference, len(documents))
        if size:
            rows = _curve(documents, size, spec.seed, shares, judge)
            where = {"metric": str(judge.metric), "replaced_by": replaced_by, "n_draws": N_DRAWS}
            constant = {
                name: [value] * len(shares) for name, value in (where | {"n": size}).items()
            }
            builder.write("replacement_curve", constant | rows)


def _curve(
    others: NDArray[np.int64], size: int, seed: int, shares: Sequence[float], judge: MixtureMetric
) -> dict[str, list]:
    drawn = [
        mixture
        for draw in range(N_DRAWS)
        for mixture in mixtures(judge.n_reference, len(others), size, seed + draw, shares)
    ]

    def measured(mixture: Mixture) -> tuple[float, str]:
        return judge.mixed(mixture.true.tolist(), others[mixture.others].tolist())

    values: dict[float, list[float]] = {share: [] for share in shares}
    methods = {}
    for mixture, found in zip(drawn, in_threads(measured, drawn, judge.n_at_once), strict=True):
        value, methods[mixture.replaced_share] = found
        values[mixture.replaced_share].append(value)
    return {
        "replaced_share": list(shares),
        "mean": [float(np.mean(own)) for own in values.values()],
        "low": [min(own) for own in values.values()],
        "high": [max(own) for own in values.values()],
        "method": list(methods.values()),
    }
