"""The yardstick beside distances: true data of which more and more is replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from cache.writer import AuditBuilder
from core.maths.replacement import N_DRAWS, SHARES, mixtures
from core.specs import AuditSpec, Metric

# Measures true documents (positions in the reference set) together with documents of the pool.
Mixed = Callable[[Sequence[int], Sequence[int]], tuple[float, str]]


def write_replacement_curve(
    builder: AuditBuilder, spec: AuditSpec, metric: Metric, n_reference: int, measure: Mixed
) -> None:
    """Fill ``replacement_curve`` for one metric: 10% more replaced at a time by other documents
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
        size = min(spec.budget, n_reference, len(documents))
        if size:
            rows = _curve(documents, n_reference, size, spec.seed, shares, measure)
            where = {"metric": str(metric), "replaced_by": replaced_by, "n_draws": N_DRAWS}
            constant = {
                name: [value] * len(shares) for name, value in (where | {"n": size}).items()
            }
            builder.write("replacement_curve", constant | rows)


def _curve(
    others: NDArray[np.int64],
    n_reference: int,
    size: int,
    seed: int,
    shares: Sequence[float],
    measure: Mixed,
) -> dict[str, list]:
    values: dict[float, list[float]] = {share: [] for share in shares}
    methods = {}
    for draw in range(N_DRAWS):
        for mixture in mixtures(n_reference, len(others), size, seed + draw, shares):
            value, method = measure(mixture.true.tolist(), others[mixture.others].tolist())
            values[mixture.replaced_share].append(value)
            methods[mixture.replaced_share] = method
    return {
        "replaced_share": list(shares),
        "mean": [float(np.mean(own)) for own in values.values()],
        "low": [min(own) for own in values.values()],
        "high": [max(own) for own in values.values()],
        "method": list(methods.values()),
    }
