"""What people decided about examples by hand: the one thing beside a sealed file that changes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum

from assay.cache.store import Store

_SCHEMA = """CREATE TABLE IF NOT EXISTS reviews (decompression_id TEXT NOT NULL,
    example_id INTEGER NOT NULL, verdict TEXT NOT NULL, decided_at REAL NOT NULL,
    PRIMARY KEY (decompression_id, example_id))"""


class Review(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"


def set_verdict(
    store: Store, decompression_id: str, example_id: int, verdict: Review | None
) -> None:
    """Accept or reject an example, or take the decision back (None)."""
    with _connection(store) as connection:
        if verdict is None:
            connection.execute(
                "DELETE FROM reviews WHERE decompression_id = ? AND example_id = ?",
                [decompression_id, example_id],
            )
            return
        connection.execute(
            "INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?)",
            [decompression_id, example_id, verdict, time.time()],
        )


def read_verdicts(store: Store, decompression_id: str) -> dict[int, Review]:
    """Decisions by example."""
    with _connection(store) as connection:
        rows = connection.execute(
            "SELECT example_id, verdict FROM reviews WHERE decompression_id = ?",
            [decompression_id],
        ).fetchall()
    return {example_id: Review(verdict) for example_id, verdict in rows}


def copy_verdicts(store: Store, source_id: str, target_id: str) -> None:
    """Let another decompression with the same examples begin with the decisions on this one."""
    with _connection(store) as connection:
        connection.execute(
            "INSERT OR IGNORE INTO reviews SELECT ?, example_id, verdict, decided_at "
            "FROM reviews WHERE decompression_id = ?",
            [target_id, source_id],
        )


@contextmanager
def _connection(store: Store) -> Iterator[sqlite3.Connection]:
    path = store.decompressions / "reviews.sqlite"
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        connection.execute(_SCHEMA)
        yield connection
