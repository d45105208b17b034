"""The stage that places pool and reference set on a two-dimensional map."""

from __future__ import annotations

import numpy as np

from assay.cache.audits.rows import SETS
from assay.core.audit.context import AuditContext
from assay.core.similarity.map_layout import lay_out


def draw_map(audit: AuditContext) -> None:
    """Fill ``map_points`` and describe the method in ``meta``, if a map is wanted."""
    builder = audit.builder
    if not audit.spec.is_mapped or builder.is_done("map"):
        return
    with audit.stage("map", 0):
        sets = {
            name: builder.matrix("embeddings", {"set_name": name})
            for name in SETS
            if audit.rows.n_of(name)
        }
        layout = lay_out(np.concatenate(list(sets.values())), audit.spec.seed)
        start = 0
        for name, vectors in sets.items():
            points = layout.points[start : start + len(vectors)]
            start += len(vectors)
            builder.write(
                "map_points",
                {
                    "set_name": [name] * len(points),
                    "item_id": np.arange(len(points)),
                    "x": points[:, 0],
                    "y": points[:, 1],
                },
            )
        builder.put_meta("map", layout.parameters)
