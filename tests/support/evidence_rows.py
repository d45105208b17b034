"""Rows of one document's evidence."""

from __future__ import annotations

import numpy as np

from assay.cache.audits.rows import SETS


def write_evidence(builder):
    """Embeddings of all documents, two rankings, and which documents were held out."""
    builder.put_meta("spec", {**builder.meta("spec"), "held_out_source": "held-out"})
    generator = np.random.default_rng(0)
    for name in SETS:
        vectors = generator.normal(size=(builder.rows.n_of(name), 8))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        builder.write_matrix("embeddings", {"set_name": name}, vectors.astype(np.float32))
    for scorer in ("select", "blind"):
        builder.write(
            "membership_scores",
            {
                "document_id": range(400),
                "scorer": [scorer] * 400,
                "score": generator.normal(size=400),
            },
        )
