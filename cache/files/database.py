"""The one place that opens DuckDB files.

Any file may come from somebody else. It is opened without access to anything but itself, inspected
before it is read (``inspection``), and read within limits of memory and time.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil

from assay.cache.files.inspection import Refused, inspect
from assay.core.errors import AssayError, full_disk_explained, is_full_disk

# No extension is ever fetched, and an untrusted file cannot read other files.
_WRITING: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_READING: dict[str, Any] = {
    **_WRITING,
    "enable_external_access": False,
    "lock_configuration": True,
    "memory_limit": "4GB",
    "temp_directory": "",
    "threads": min(4, psutil.cpu_count() or 1),
}
# The maximum time for reading one file before its query is stopped.
_READ_S = 120.0
_MOST_KEPT_OPEN = 16
# DuckDB has all rows of a group in memory when it writes one of them; this is the least it allows.
_ROWS_TOGETHER = 2048
# DuckDB's messages about a file whose bytes changed.
_DAMAGE = re.compile(
    r"corrupt|not a valid DuckDB database file|Could not read enough bytes|checksum"
    r"|Failed to load metadata|Failure while replaying WAL",
    re.IGNORECASE,
)
# Its messages where its limit is too low; a commit that fails is of another type than a query.
_TOO_LITTLE = re.compile(r"Out of Memory|failed to (pin|allocate)|could not allocate")
_HOLDER = re.compile(r"lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
# Errors in our own queries: every table they name was found in the file.
_OUR_MISTAKES = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)


class UnreadableFile(AssayError):
    """A file that cannot be read; ``is_damaged`` if damage is proven (not a lock or limit).

    ``may_pass`` for a lock, a limit or a missing right: the same bytes may be readable later.
    """

    def __init__(self, path: Path, problem: str, is_damaged: bool, may_pass: bool = False) -> None:
        self.path, self.problem, self.is_damaged = path, problem, is_damaged
        self.may_pass = may_pass
        super().__init__(f"{path} cannot be read: {problem}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.problem, self.is_damaged, self.may_pass)


class FileInUse(UnreadableFile):
    """Another process has the file open; the file itself is fine."""

    def __init__(self, path: Path, holder: str) -> None:
        self.holder = holder
        problem = f"{holder} has it open. Nothing was changed; close that program and try again"
        super().__init__(path, problem, is_damaged=False, may_pass=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.holder)


@contextmanager
def open_to_read(
    path: Path, is_listing: bool = False, limit_s: float | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a sealed file; several processes may read it at once while none writes it.

    ``is_listing``: only what the file says about itself will be read, so not all of its tables are
    measured. ``limit_s``: the time for reading, if it is to be short. FileNotFoundError if there is
    none; UnreadableFile if it is in use, not an Assay file, damaged, or needs too much memory or
    time.
    """
    limit_s = limit_s or _READ_S
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableFile(path, "it is not a regular file", is_damaged=False)
    with (
        explained_errors(path, limit_s),
        _connected(path, found) as connection,
        _time_limit(connection, limit_s),
    ):
        inspect(connection, found, is_listing)
        yield connection


@contextmanager
def kept_open() -> Iterator[None]:
    """What this thread reads meanwhile is opened once and closed at the end.

    A page reads one file many times, and opening it takes longer than most of what it reads.
    """
    if _kept.files is not None:
        yield
        return
    _kept.files = {}
    try:
        yield
    finally:
        files, _kept.files = _kept.files, None
        for one in files.values():
            one.connection.close()


@dataclass
class _KeptFile:
    """An open file as it was when it was opened, and how many read it at this moment."""

    connection: duckdb.DuckDBPyConnection
    stamp: tuple[int, ...]
    n_readers: int = 0


class _Kept(threading.local):
    """The files that this thread keeps open, the longest unread first; None if it keeps none."""

    files: dict[Path, _KeptFile] | None = None


_kept = _Kept()


@contextmanager
def _connected(path: Path, found: os.stat_result) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a file for one reader."""
    files = _kept.files
    if files is None:
        with _connect_to_read(path) as connection:
            yield connection
        return
    stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    one = files.pop(path, None)
    if one is not None and one.stamp != stamp:  # another file has its name now
        one.connection.close()
        one = None
    files[path] = one = one or _KeptFile(_connect_to_read(path), stamp)
    one.n_readers += 1
    try:
        # A reader of its own, so that one reading within another does not end it.
        with one.connection.cursor() as connection:
            yield connection
    finally:
        one.n_readers -= 1
        _close_surplus(files)


def _connect_to_read(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(path), read_only=True, config=_READING)


def _close_surplus(files: dict[Path, _KeptFile]) -> None:
    """Keep only so many open: a list of all audits reads each of them."""
    unread = [path for path, one in files.items() if not one.n_readers]
    for path in unread[: max(0, len(files) - _MOST_KEPT_OPEN)]:
        files.pop(path).connection.close()


def has_table(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a file has a table; files from before the table was introduced do not."""
    rows = connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE table_name = ? AND database_name = current_database()",
        [name],
    ).fetchall()
    return bool(rows)


def open_to_write(path: Path, memory: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open or create a file for this process only; UnreadableFile as for ``open_to_read``.

    ``memory``: the bytes that DuckDB may hold of it, if that is to be little.
    """
    settings = {**_WRITING, "temp_directory": f"{path}.tmp"}
    if memory is not None:
        settings |= {"memory_limit": f"{memory}B", "threads": 1}
    with explained_errors(path), ExitStack() as opened:
        connection = opened.enter_context(duckdb.connect(":memory:", config=settings))
        # Only a file that is attached can have small groups of rows, and it must be each time.
        connection.execute(f"ATTACH {_quoted(path)} AS file (ROW_GROUP_SIZE {_ROWS_TOGETHER})")
        connection.execute("USE file")
        # What is attached remains accessible, and nothing else.
        connection.execute("SET enable_external_access = false")
        opened.pop_all()
        return connection


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def explained_errors(path: Path, limit_s: float | None = None) -> Iterator[None]:
    """Turns DuckDB's errors about the file into UnreadableFile, FileInUse or FullDisk."""
    try:
        with full_disk_explained(path.parent):
            yield
    except Refused as refused:
        raise UnreadableFile(path, str(refused), refused.is_damage) from refused
    except _OUR_MISTAKES:
        raise
    except duckdb.InterruptException as error:
        problem = f"reading it takes more than {limit_s or _READ_S:.0f} seconds"
        raise UnreadableFile(path, problem, is_damaged=False, may_pass=True) from error
    except duckdb.Error as error:
        if "already attached" in str(error):
            # DuckDB reports this only about its own process, whose files it knows.
            raise FileInUse(path, "this very process, to write it,") from error
        holder = _HOLDER.search(str(error))
        if holder:
            raise FileInUse(path, _who(int(holder["pid"]), holder["program"])) from error
        if "could not set lock" in str(error).lower():
            raise FileInUse(path, "another program") from error
        problem = str(error).splitlines()[0].rstrip(".")
        is_damaged = is_damage(error)
        raise UnreadableFile(path, problem, is_damaged, may_pass=not is_damaged) from error


def is_damage(error: duckdb.Error) -> bool:
    """Whether the error proves that the file's bytes changed.

    On a full disk, even a sound file cannot be opened to write: its log cannot be replayed.
    """
    return bool(_DAMAGE.search(str(error))) and not is_full_disk(error)


def roll_back(connection: duckdb.DuckDBPyConnection, error: BaseException) -> None:
    """Undo a transaction after an error; after one of DuckDB's, the file must be closed.

    DuckDB 2.0 keeps a failed commit's rows in its indexes, and would write these when it closes.
    """
    # A commit that failed has ended the transaction.
    with suppress(duckdb.Error):
        connection.rollback()
    if isinstance(error, duckdb.Error):
        with suppress(duckdb.Error):
            connection.execute("PRAGMA disable_checkpoint_on_shutdown")


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether DuckDB had to stop because it may hold too little."""
    return isinstance(error, duckdb.Error) and bool(_TOO_LITTLE.search(str(error)))


def _who(pid: int, program: str) -> str:
    with suppress(psutil.Error):
        program = " ".join(psutil.Process(pid).cmdline()[:4]) or program
    return f"process {pid} ({program[:120]})"


@contextmanager
def _time_limit(connection: duckdb.DuckDBPyConnection, limit_s: float) -> Iterator[None]:
    timer = threading.Timer(limit_s, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
