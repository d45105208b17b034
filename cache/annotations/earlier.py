"""Reviews of examples from before there were annotations: taken over as marks, then removed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from assay.cache.files.quarantine import quarantine
from assay.cache.files.sqlite import is_damage, open_to_read
from assay.cache.store import Store

_NO_TABLE = "no such"


def reviews_path(store: Store) -> Path:
    """The file that held them."""
    return store.decompressions / "reviews.sqlite"


def take_over_reviews(store: Store, connection: sqlite3.Connection) -> None:
    """Add them to the table of marks; an example that has a mark keeps it.

    sqlite3.Error or OSError if they cannot be read.
    """
    path = reviews_path(store)
    if not path.exists():
        return
    with open_to_read(path) as earlier:
        rows = earlier.execute(
            "SELECT decompression_id, example_id, verdict, decided_at FROM reviews"
        ).fetchall()
    connection.executemany(
        "INSERT OR IGNORE INTO marks VALUES ('decompression', ?, ?, ?, ?)",
        [(name, str(number), mark, decided_at) for name, number, mark, decided_at in rows],
    )


def take_over_or_set_aside(store: Store, connection: sqlite3.Connection) -> None:
    """The same; a damaged file is set aside."""
    try:
        take_over_reviews(store, connection)
    except sqlite3.DatabaseError as error:
        if not is_damage(error) and _NO_TABLE not in str(error):
            raise
        quarantine(
            store, reviews_path(store), str(error), and_then="the reviews in it are no longer shown"
        )


def remove_reviews(store: Store) -> None:
    """Once they are marks."""
    for ending in (".sqlite", ".lock"):
        reviews_path(store).with_suffix(ending).unlink(missing_ok=True)
