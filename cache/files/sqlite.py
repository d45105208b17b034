"""The one place that opens SQLite files; damaged ones are moved aside."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from assay.core.errors import full_disk_explained

_BUSY_S = 60
# SQLite's messages about a file whose bytes changed.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error proves that the file's bytes changed."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def find_damage(path: Path) -> str | None:
    """Why an existing file is not a valid SQLite file, or None; a lock does not count as damage."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "it is not an ordinary file"
    except FileNotFoundError:
        return None
    try:
        with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
            ((found,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    return None if found == "ok" else str(found)


@contextmanager
def open_to_write(path: Path) -> Iterator[sqlite3.Connection]:
    """Open or create a file; each statement is a transaction of its own.

    FullDisk where there is no room for it.
    """
    with (
        full_disk_explained(path.parent),
        closing(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)) as connection,
    ):
        yield connection


@contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing file without changing anything, even where nothing may be written.

    sqlite3.Error if it does not exist or is not a SQLite file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise sqlite3.DatabaseError("it is not an ordinary file")
    # If its folder is not writable, a file with a write-ahead log is read as it is.
    for how in ("mode=ro", "mode=ro&immutable=1"):
        address = f"{path.absolute().as_uri()}?{how}"
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_S)) as connection:
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
            except sqlite3.OperationalError:
                if how.endswith("immutable=1"):
                    raise
                continue
            yield connection
            return
