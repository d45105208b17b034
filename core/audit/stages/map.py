"""The stage that places pool and reference set on a two-dimensional map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain

import numpy as np

from assay.cache.audits.rows import SETS
from assay.cache.files.precomputed import open_maps
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.precomputed import with_cached_rows
from assay.core.audit.stages.embeddings import embeddings_key
from assay.core.similarity.map_layout import Layout, lay_out
from assay.core.specs.hashing import content_key, texts_key

# Part of the key: raise it when the same documents would be laid out otherwise.
_VERSION = 3


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
    texts = chain.from_iterable(map(audit.rows.each_text, sets))
    key = content_key("map", _VERSION, texts_key(texts), seed)

    def use(kept: RowStore) -> Layout:
        if kept.missing([key]):
            keys = [{"set_name": name} for name in sets]
            drawn = lay_out(audit.builder.spilled("embeddings", *keys), seed)
            parameters = json.dumps(drawn.parameters)
            row = {"points": [drawn.points.ravel()], "parameters": [parameters]}
            kept.append([key], row, {})
            return drawn
        found = kept.find([key])
        points = found["points"][0].values.to_numpy().astype(np.float32).reshape(-1, 2)
        return Layout(points, json.loads(found["parameters"][0].as_py()))

    of_embeddings = embeddings_key(audit.question.compute)
    return with_cached_rows(open_maps, audit.store, of_embeddings, "map", audit.progress, use)
