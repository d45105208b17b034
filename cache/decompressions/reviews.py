"""Reviews of examples: the only stored data about a sealed file that may change."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from filelock import FileLock

from assay.cache.files.quarantine import quarantine
from assay.cache.files.sqlite import find_damage, open_to_read, open_to_write
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
    """Accept or reject an example, or withdraw the decision (None)."""
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
    query = "SELECT example_id, verdict FROM reviews WHERE decompression_id = ?"
    if not store.is_for_reading:
        with _connection(store) as connection:
            rows = connection.execute(query, [decompression_id]).fetchall()
        return {example_id: Review(verdict) for example_id, verdict in rows}
    try:
        with open_to_read(_path(store)) as connection:
            rows = connection.execute(query, [decompression_id]).fetchall()
        return {example_id: Review(verdict) for example_id, verdict in rows}
    except (sqlite3.Error, OSError, ValueError):
        return {}


def copy_verdicts(store: Store, source_id: str, target_id: str) -> None:
    """Copy the decisions to another decompression with the same examples."""
    with _connection(store) as connection:
        connection.execute(
            "INSERT OR IGNORE INTO reviews SELECT ?, example_id, verdict, decided_at "
            "FROM reviews WHERE decompression_id = ?",
            [target_id, source_id],
        )


@contextmanager
def _connection(store: Store) -> Iterator[sqlite3.Connection]:
    store.require_writing()
    path = _path(store)
    with FileLock(path.with_suffix(".lock")):
        damage = find_damage(path)
        if damage:
            quarantine(store, path, damage)
    with open_to_write(path) as connection:
        connection.execute(_SCHEMA)
        yield connection


def _path(store: Store) -> Path:
    return store.decompressions / "reviews.sqlite"
