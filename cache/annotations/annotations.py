"""Marks, tags and notes of documents and examples: read, changed, copied and deleted."""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from assay.cache.annotations.database import ITEM_TABLES, reading, writing
from assay.cache.store import Store
from assay.core.errors import AssayError, InputError
from assay.core.specs.annotations import (
    MOST_TAGS,
    Annotation,
    Mark,
    checked_note,
    checked_tag,
)

COLUMNS = ("mark", "tags", "note")
_MINE = "kind = ? AND result_id = ?"

Item = TypeVar("Item", str, int)


@dataclass(frozen=True)
class Annotated:
    """The result whose items people annotate: its kind and its name.

    Items are documents by ``text_hash``, or examples by number. The name of an audit is a hash of
    everything that decides it, so an audit that is made again has its annotations back.
    """

    kind: str
    result_id: str

    @classmethod
    def audit(cls, audit_id: str) -> Annotated:
        return cls("audit", audit_id)

    @classmethod
    def decompression(cls, decompression_id: str) -> Annotated:
        return cls("decompression", decompression_id)

    @classmethod
    def suspect_test(cls, test_id: str) -> Annotated:
        return cls("suspect test", test_id)

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.result_id)


class NoteChanged(AssayError):
    """Somebody else changed the note since it was shown; nothing was written."""


def set_mark(store: Store, about: Annotated, item: str, mark: Mark | None) -> None:
    """Accept or reject an item, or withdraw that (None)."""
    with writing(store) as connection:
        _set(connection, "marks", about, item, mark and str(mark))


def set_note(store: Store, about: Annotated, item: str, note: str, seen: str = "") -> None:
    """Write a note in place of the one that was ``seen``; an empty one deletes it.

    NoteChanged if another one stands there by now, InputError if the note is too long.
    """
    checked = checked_note(note)
    with writing(store) as connection:
        rows = connection.execute(
            f"SELECT note FROM notes WHERE {_MINE} AND item = ?", [*about.key, item]
        ).fetchall()
        now = rows[0][0] if rows else ""
        if now not in (seen, checked):
            raise NoteChanged("This note was changed meanwhile, so yours was not saved.")
        _set(connection, "notes", about, item, checked or None)


def change_tags(
    store: Store,
    about: Annotated,
    item: str,
    added: Collection[str] = (),
    removed: Collection[str] = (),
) -> None:
    """Add tags and remove others; those that somebody else added meanwhile stay.

    InputError for a tag that is none, or more tags than an item may have.
    """
    new = [checked_tag(tag) for tag in added]
    with writing(store) as connection:
        here = [*about.key, item]
        for tag in removed:
            connection.execute(
                f"DELETE FROM tags WHERE {_MINE} AND item = ? AND tag = ?", [*here, tag]
            )
        for tag in new:
            connection.execute(
                "INSERT OR IGNORE INTO tags VALUES (?, ?, ?, ?, ?)", [*here, tag, time.time()]
            )
        ((n_tags,),) = connection.execute(
            f"SELECT count(*) FROM tags WHERE {_MINE} AND item = ?", here
        ).fetchall()
        if n_tags > MOST_TAGS:
            raise InputError(f"at most {MOST_TAGS} tags", str(n_tags), "remove one first")


def read_annotations(store: Store, about: Annotated) -> dict[str, Annotation]:
    """What was said about each item of a file that anything was said about."""
    marks: dict[str, Mark] = {}
    tags: dict[str, list[str]] = defaultdict(list)
    notes: dict[str, str] = {}
    with reading(store) as connection:
        for item, mark in _rows(connection, "marks", "mark", about):
            with suppress(ValueError):  # of a version that has others
                marks[item] = Mark(mark)
        for item, tag in _rows(connection, "tags", "tag", about):
            tags[item].append(tag)
        notes.update(_rows(connection, "notes", "note", about))
    return {
        item: Annotation(marks.get(item), tuple(tags.get(item, ())), notes.get(item, ""))
        for item in (marks | tags | notes)
    }


def matching_items(store: Store, words: str, limit: int) -> list[tuple[Annotated, str, str]]:
    """Items whose note or a tag contains the words, in any case: the result, the item, and the note
    or tag; what was said last comes first."""
    with reading(store) as connection:
        # SQLite's own knows ASCII alone.
        connection.create_function("folded", 1, str.casefold, deterministic=True)
        rows = connection.execute(
            "SELECT kind, result_id, item, said FROM (SELECT kind, result_id, item, note AS said, "
            "changed_at FROM notes UNION ALL SELECT kind, result_id, item, tag, changed_at FROM "
            "tags) WHERE instr(folded(said), folded(?)) "
            "ORDER BY changed_at DESC, result_id, item LIMIT ?",
            [words, limit],
        ).fetchall()
    return [(Annotated(kind, result_id), item, said) for kind, result_id, item, said in rows]


def example_annotations(store: Store, decompression_id: str) -> dict[int, Annotation]:
    """What was said about the examples of a decompression, by their numbers."""
    said = read_annotations(store, Annotated.decompression(decompression_id))
    return {int(item): one for item, one in said.items() if item.isdecimal()}


def copy_annotations(store: Store, source: Annotated, target: Annotated) -> None:
    """Copy everything to another file with the same items; what was said there stays."""
    with writing(store) as connection:
        for table in ITEM_TABLES:
            value = table.removesuffix("s")
            connection.execute(
                f"INSERT OR IGNORE INTO {table} SELECT ?, ?, item, {value}, changed_at "
                f"FROM {table} WHERE {_MINE}",
                [*target.key, *source.key],
            )


def delete_annotations(store: Store, about: Annotated) -> None:
    """Delete everything that was said about a file's items."""
    with writing(store) as connection:
        for table in ITEM_TABLES:
            connection.execute(f"DELETE FROM {table} WHERE {_MINE}", [*about.key])


def with_annotations(
    frame: pd.DataFrame, said: Mapping[Item, Annotation], item: str
) -> pd.DataFrame:
    """The table with columns mark, tags and note, as plain text; ``item``: the column that names
    what they are about."""
    own = [said.get(one) or Annotation() for one in frame[item].tolist()]
    return frame.assign(
        mark=[str(one.mark or "") for one in own],
        tags=[", ".join(one.tags) for one in own],
        note=[one.note for one in own],
    )


def _set(
    connection: sqlite3.Connection, table: str, about: Annotated, item: str, value: str | None
) -> None:
    if value is None:
        connection.execute(f"DELETE FROM {table} WHERE {_MINE} AND item = ?", [*about.key, item])
        return
    connection.execute(
        f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?, ?)",
        [*about.key, item, value, time.time()],
    )


def _rows(
    connection: sqlite3.Connection, table: str, value: str, about: Annotated
) -> list[tuple[str, str]]:
    return connection.execute(
        f"SELECT item, {value} FROM {table} WHERE {_MINE} ORDER BY item, {value}", [*about.key]
    ).fetchall()
