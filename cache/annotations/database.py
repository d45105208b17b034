"""The file of annotations and saved views: what people wrote, which nothing can compute again.

It lies beside the sealed files, which never change. Every change is one short transaction under a
lock, so several tabs and processes lose nothing of each other's. A damaged file is set aside and
kept.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from assay.cache.annotations.earlier import (
    remove_reviews,
    reviews_path,
    take_over_or_set_aside,
    take_over_reviews,
)
from assay.cache.files.listing import Stamp, stamp_of
from assay.cache.files.quarantine import quarantine
from assay.cache.files.sqlite import find_damage, is_damage, open_to_read, open_to_write
from assay.cache.store import Store
from assay.core.errors import AssayError, full_disk_explained

# kind: of the result that an item belongs to, as in ``Annotated``; result_id: the result's name;
# item: a document's text_hash or an example's number. Times in seconds since the epoch. The first
# columns, as many as said, are the key.
_ITEM = ("kind TEXT NOT NULL", "result_id TEXT NOT NULL", "item TEXT NOT NULL")
_TABLES: dict[str, tuple[int, tuple[str, ...]]] = {
    "marks": (3, (*_ITEM, "mark TEXT NOT NULL", "changed_at REAL NOT NULL")),
    "tags": (4, (*_ITEM, "tag TEXT NOT NULL", "changed_at REAL NOT NULL")),
    "notes": (3, (*_ITEM, "note TEXT NOT NULL", "changed_at REAL NOT NULL")),
    "views": (
        1,
        (
            "name TEXT NOT NULL",
            "page TEXT NOT NULL",
            "query TEXT NOT NULL",
            "saved_at REAL NOT NULL",
        ),
    ),
}
ITEM_TABLES = ("marks", "tags", "notes")
_logger = logging.getLogger("assay")


@contextmanager
def writing(store: Store) -> Iterator[sqlite3.Connection]:
    """One transaction on the file, which is made for its owner alone.

    ReadOnlyStore where nothing may be written; FullDisk where there is no room; AssayError where
    the file cannot be written for another reason.
    """
    store.require_writing()
    path = store.annotations_database
    try:
        with full_disk_explained(path.parent), _lock(path), _transaction(store, path) as connection:
            yield connection
    except (OSError, sqlite3.Error) as error:
        raise AssayError(f"{path} cannot be written: {error}.") from error


@contextmanager
def _transaction(store: Store, path: Path) -> Iterator[sqlite3.Connection]:
    _set_aside_if_damaged(store, path)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with open_to_write(path) as connection:
        connection.text_factory = _text
        connection.execute("BEGIN IMMEDIATE")
        try:
            _create_tables(connection)
            take_over_or_set_aside(store, connection)
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
    remove_reviews(store)


@contextmanager
def reading(store: Store) -> Iterator[sqlite3.Connection]:
    """The file as it is now; empty tables if there is none, or if it cannot be read.

    A damaged file is set aside where that is allowed; where it is not, a warning names it.
    """
    path = store.annotations_database
    is_usable = _is_usable(store, path)
    if is_usable and not reviews_path(store).exists():
        with open_to_read(path) as connection:
            connection.text_factory = _text
            yield connection
        return
    with closing(sqlite3.connect(":memory:")) as memory:
        if is_usable:
            with open_to_read(path) as connection:
                connection.backup(memory)
        memory.text_factory = _text
        _create_tables(memory)
        with suppress(OSError, sqlite3.Error):
            take_over_reviews(store, memory)
        yield memory


def _create_tables(connection: sqlite3.Connection) -> None:
    for name, (n_keys, columns) in _TABLES.items():
        key = ", ".join(_names(columns)[:n_keys])
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)}, PRIMARY KEY ({key}))"
        )


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"), mode=0o600)


def _set_aside_if_damaged(store: Store, path: Path) -> None:
    problem = _problem(store, path)
    if problem:
        quarantine(store, path, problem, and_then="a new, empty one takes its place")


def _is_usable(store: Store, path: Path) -> bool:
    try:
        if _problem(store, path) and not store.is_for_reading:
            with _lock(path):
                _set_aside_if_damaged(store, path)
        return path.is_file() and not _problem(store, path)
    except (OSError, sqlite3.Error) as error:  # a missing right, say
        _logger.warning("%s cannot be read: %s.", path, error)
        return False


def _problem(store: Store, path: Path) -> str | None:
    """Why an existing file is not one of annotations; a lock does not count."""
    try:
        stamp = stamp_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    return _known_problem(path, stamp, store.is_for_reading)


@lru_cache(maxsize=64)
def _known_problem(path: Path, stamp: Stamp, is_for_reading: bool) -> str | None:
    """``stamp`` is only there so that a file is looked through once after each change."""
    # Looking for damage may finish what a killed process began, which is a change.
    problem = None if is_for_reading else find_damage(path)
    problem = problem or _problem_when_read(path)
    if problem and is_for_reading:
        _logger.warning("%s is damaged and was left as it is: %s.", path, problem)
    return problem


def _problem_when_read(path: Path) -> str | None:
    try:
        with open_to_read(path) as connection:
            connection.text_factory = _text
            ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
            if found != "ok":
                return str(found)
            for name, (_, columns) in _TABLES.items():
                known = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
                if known and known != _names(columns):
                    return f"its table {name} has other columns"
    except sqlite3.DatabaseError as error:
        if is_damage(error) or not path.is_file():
            return str(error)
        raise
    return None


def _names(columns: tuple[str, ...]) -> list[str]:
    return [column.split()[0] for column in columns]


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
