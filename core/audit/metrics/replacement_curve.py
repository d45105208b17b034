"""The reference set with a growing share replaced: a scale for reading distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.base import MixtureMetric
from assay.core.runtime.parallel import in_threads
from assay.core.similarity.replacement_curve import N_DRAWS, SHARES, Mixture, mixtures


def write_replacement_curve(audit: AuditContext, judge: MixtureMetric) -> None:
    """Fill ``replacement_curve`` for one metric.

    In steps of 10%, documents are replaced by others from the pool; all of them also by held-out
    documents, if these are known.
    """
    spec, roles = audit.spec, audit.roles
    for replaced_by, documents, shares in (
        ("pool", np.flatnonzero(~roles.is_trained), SHARES),
        ("held-out", np.flatnonzero(roles.is_held_out), (1.0,)),
    ):
        size = min(spec.budget, judge.n_reference, len(documents))
        if size:
            rows = _curve(documents, size, spec.seed, shares, judge)
            where = {"metric": str(judge.metric), "replaced_by": replaced_by, "n_draws": N_DRAWS}
            constant = {
                name: [value] * len(shares) for name, value in (where | {"n": size}).items()
            }
            audit.builder.write("replacement_curve", constant | rows)


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
