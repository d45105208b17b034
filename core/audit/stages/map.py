"""The stage that lays pool and reference set out in one plane."""

from __future__ import annotations

import numpy as np

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.runtime.progress import Progress
from assay.core.similarity.map_layout import lay_out

_SETS = {"seed-corpus": "documents", "reference": "reference_documents"}


def draw_map(question: ResolvedAudit, builder: AuditBuilder, progress: Progress) -> None:
    """Fill ``map_points`` and say in ``meta`` how the places were found, where a map is wanted."""
    if not question.spec.is_mapped or builder.is_done("map"):
        return
    with progress.stage("map", 0), builder.stage("map"):
        sets = {
            name: builder.matrix("embeddings", {"set_name": name})
            for name, table in _SETS.items()
            if builder.rows(f"SELECT 1 FROM {table} LIMIT 1")
        }
        layout = lay_out(np.concatenate(list(sets.values())), question.spec.seed)
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
