"""What an audit found, to compare two of them."""

from __future__ import annotations

import duckdb

RESULTS = (
    "documents",
    "scores",
    "factors",
    "targets",
    "selections",
    "metrics",
    "student_epochs",
    "embeddings",
    "map_points",
    "near_duplicates",
    "random_objective",
    "replacement_curve",
    "reference_documents",
    "test_documents",
)


def contents(path, also=()):
    """Everything an audit found, without times; ``also``: more tables."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {
            t: connection.execute(f"SELECT * FROM {t} ORDER BY ALL").fetchall()
            for t in (*RESULTS, *also)
        }
