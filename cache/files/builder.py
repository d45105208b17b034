"""A file of the store while it is being built, until it is complete.

A file is built under ``building/``, stage by stage, and moved to the folder of complete ones once
it is sealed. If the process is killed, the committed stages remain, and the next run that builds
the same file continues from there.

A stage is one transaction, which DuckDB keeps in memory. A stage that writes for every document is
therefore committed in parts, and begins anew if it was not finished.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb

from assay.cache.files.blocks import DamagedBlock
from assay.cache.files.database import (
    UnreadableFile,
    explained_errors,
    is_damage,
    is_out_of_memory,
    open_to_write,
    roll_back,
)
from assay.cache.files.locks import waiting_lock
from assay.cache.files.quarantine import quarantine
from assay.cache.files.sealing import append, complete, create_tables, put_meta
from assay.cache.store import Store
from assay.core.errors import AssayError, InputError, full_disk_explained

_Made = TypeVar("_Made")
# What a part of a stage holds, at least.
_PART_BYTES = 16 << 20


class DamagedWhileBuilt(AssayError):
    """A file was damaged while being built; it is set aside, and the build can start again."""


def built(build: Callable[[], _Made]) -> _Made:
    """The result of ``build``; it is started again once if an earlier run's file is damaged."""
    try:
        return build()
    except DamagedWhileBuilt:
        return build()


class FileBuilder:
    """Writes one file, stage by stage. Use it as a context manager, inside ``built``.

    ``tables`` is name → columns, among them ``meta`` and ``stages``; ``shelf`` is the folder of
    complete files. An unfinished file that is damaged or from another ``version`` is set aside;
    ``quarantined`` then says where.
    """

    def __init__(
        self, store: Store, name: str, tables: Mapping[str, str], version: int, shelf: Path
    ) -> None:
        self.store, self._tables, self._version, self._shelf = store, tables, version, shelf
        self.path = store.building / f"{name}.duckdb"
        self.quarantined: Path | None = None
        self._connection = self._open()
        # Bytes since the last commit, of a stage that is committed in parts.
        self._uncommitted: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        with suppress(duckdb.Error):
            self.close()
        is_damaged = isinstance(error, DamagedBlock) or (
            isinstance(error, duckdb.Error) and is_damage(error)
        )
        if is_damaged and self.path.exists():
            self.quarantined = quarantine(self.store, self.path, str(error).splitlines()[0])
            raise DamagedWhileBuilt(f"{self.path} was damaged") from error
        if self.store.memory is not None and is_out_of_memory(error):
            raise InputError(
                "more memory for the files that are written",
                str(error).splitlines()[0],
                "raise --memory; what is finished is kept",
            ) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = open_to_write(self.path, self.store.memory)
            with explained_errors(self.path):
                if self._is_of_this_version(connection):
                    return connection
            connection.close()
            why = "it was begun by another version of Assay"
        except UnreadableFile as unreadable:
            if not unreadable.is_damaged:
                raise
            why = unreadable.problem
        self.quarantined = quarantine(self.store, self.path, why)
        connection = open_to_write(self.path, self.store.memory)
        self._create_tables(connection)
        put_meta(connection, "schema_version", self._version)
        return connection

    def _is_of_this_version(self, connection: duckdb.DuckDBPyConnection) -> bool:
        try:
            self._create_tables(connection)
            version = connection.execute(
                "SELECT value::INTEGER FROM meta WHERE key = 'schema_version'"
            ).fetchall()
        except (duckdb.ProgrammingError, duckdb.DataError):
            return False  # its tables differ
        if version not in ([], [(self._version,)]):
            return False
        put_meta(connection, "schema_version", self._version)
        return True

    def _create_tables(self, connection: duckdb.DuckDBPyConnection) -> None:
        create_tables(connection, self._tables)

    def is_done(self, stage: str) -> bool:
        """Whether an earlier run committed this stage."""
        return bool(self._rows("SELECT 1 FROM stages WHERE name = ?", [stage]))

    @contextmanager
    def stage(
        self, name: str, duration_s: float | None = None, in_parts: Sequence[str] = ()
    ) -> Iterator[None]:
        """Commits everything written inside, together with the fact that the stage is done.

        ``duration_s``: if the work was done elsewhere; otherwise the time spent inside.
        ``in_parts``: tables that only this stage fills, and that are empty when it begins. What it
        writes is then committed part by part.
        """
        started_at, start = datetime.datetime.now(datetime.UTC).isoformat(), time.monotonic()
        with full_disk_explained(self.path.parent):
            self._empty(in_parts)
            self._connection.begin()
            self._uncommitted = 0 if in_parts else None
            try:
                yield
                took_s = time.monotonic() - start if duration_s is None else duration_s
                self._connection.execute(
                    "INSERT INTO stages SELECT ?, count(*), ?, ? FROM stages",
                    [name, started_at, took_s],
                )
                self._connection.commit()
            except BaseException as error:
                roll_back(self._connection, error)
                raise
            finally:
                self._uncommitted = None

    def _empty(self, tables: Sequence[str]) -> None:
        """Of what a run left that did not finish the stage."""
        filled = [one for one in tables if self._rows(f"SELECT 1 FROM {one} LIMIT 1", [])]
        for table in filled:
            self._connection.execute(f"DROP TABLE {table}")
        if filled:
            self._create_tables(self._connection)

    def make_room(self, memory: int | None) -> None:
        """Let DuckDB hold other bytes than the store allows; nothing for None."""
        if memory is not None:
            self._connection.execute(f"SET memory_limit = '{memory}B'")

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows, given as columns of equal length (lists or NumPy arrays)."""
        n_bytes = append(self._connection, table, columns)
        if self._uncommitted is None:
            return
        self._uncommitted += n_bytes
        if self._uncommitted >= _PART_BYTES:
            self._connection.commit()
            self._connection.begin()
            self._uncommitted = 0

    def write_rows(self, table: str, rows: Sequence[Any], **same: Any) -> None:
        """Append rows, given as dataclasses whose fields are columns; nothing if there are none.

        ``same``: columns with one value in all rows.
        """
        if not rows:
            return
        names = [column.name for column in fields(rows[0])]
        columns = {name: [getattr(row, name) for row in rows] for name in names}
        self.write(table, {name: [value] * len(rows) for name, value in same.items()} | columns)

    def put_meta(self, key: str, value: Any) -> None:
        """Set one JSON value."""
        put_meta(self._connection, key, value)

    def has_meta(self, key: str) -> bool:
        """Whether ``put_meta`` set this key."""
        return bool(self._rows("SELECT 1 FROM meta WHERE key = ?", [key]))

    def meta(self, key: str) -> Any:
        """One JSON value that ``put_meta`` set; KeyError if none was."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", [key])
        if not rows:
            raise KeyError(key)
        return json.loads(rows[0][0])

    def _rows(self, query: str, parameters: list[Any]) -> list[tuple]:
        return self._connection.execute(query, parameters).fetchall()

    def seal(self) -> Path:
        """Write the manifest, close, and move the file to the folder of complete ones."""
        return complete(self._connection, self._tables, self.path, self._shelf / self.path.name)

    def discard(self) -> None:
        """Close the file and delete it: nothing of it is a result."""
        self._connection.close()
        self.path.unlink()

    def close(self) -> None:
        """Close the file; what was committed is kept for the next run."""
        self._connection.close()


def alone(
    store: Store, name: str, while_waiting: Callable[[], None]
) -> AbstractContextManager[None]:
    """Hold a file for this process; ``while_waiting`` is called while another process builds it."""
    return waiting_lock(store.building / f"{name}.lock", while_waiting)
