"""The stage that places pool and reference set on a two-dimensional map."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from assay.cache.audits.rows import SETS
from assay.cache.files.precomputed import open_maps
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.precomputed import with_cached_rows
from assay.core.audit.stages.embeddings import embeddings_key
from assay.core.similarity.map_layout import Layout, lay_out
from assay.core.specs.hashing import content_key, exact_hash

# Part of the key: raise it when the same documents would be laid out otherwise.
_VERSION = 2


def draw_map(audit: AuditContext) -> None:
    """Fill ``map_points`` and describe the method in ``meta``, if a map is wanted."""
    builder = audit.builder
    if not audit.spec.is_mapped or builder.is_done("map"):
        return
    with audit.stage("map", 0):
        sizes = {name: n for name in SETS if (n := audit.rows.n_of(name))}
        layout = _kept_or_drawn(audit, list(sizes))
        start = 0
        for name, n_points in sizes.items():
            points = layout.points[start : start + n_points]
            start += n_points
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


def _kept_or_drawn(audit: AuditContext, sets: Sequence[str]) -> Layout:
    """The layout of the same documents in the same order, from the cache where it is there."""
    seed = audit.spec.seed
    hashes = [exact_hash(text) for name in sets for text in audit.rows.each_text(name)]
    key = content_key("map", _VERSION, hashes, seed)

    def use(kept: RowStore) -> Layout:
        if kept.missing([key]):
            keys = [{"set_name": name} for name in sets]
            drawn = lay_out(audit.builder.together("embeddings", keys), seed)
            parameters = json.dumps(drawn.parameters)
            row = {"points": [drawn.points.ravel()], "parameters": [parameters]}
            kept.append([key], row, {})
            return drawn
        (row,) = kept.find([key]).to_pylist()
        points = np.array(row["points"], np.float32).reshape(-1, 2)
        return Layout(points, json.loads(row["parameters"]))

    of_embeddings = embeddings_key(audit.question.compute)
    return with_cached_rows(open_maps, audit.store, of_embeddings, "map", audit.progress, use)
