"""An audit file while it is being built, and the moment it becomes complete.

A file is built under ``building/``, one transaction a stage, and moved to ``audits/`` once it is
sealed. A process killed at any moment leaves the stages it had committed; the next run of the
same audit continues from there.
"""

from __future__ import annotations

import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cache.blocks import pack
from cache.corpus import corpus_arrays, gradient_arrays, read_matrix
from cache.database import open_to_write
from cache.home import Store
from cache.locks import waiting_lock
from cache.manifest import write_manifest
from cache.schema import MANIFEST, MANIFEST_COLUMNS, SCHEMA_VERSION, TABLES
from cache.shelf import set_aside


class AuditBuilder:
    """Writes one audit file, stage by stage."""

    def __init__(self, store: Store, audit_id: str) -> None:
        self.store, self.audit_id = store, audit_id
        self.path = store.building / f"{audit_id}.duckdb"
        self.set_aside: Path | None = None
        self._connection = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = open_to_write(self.path)
            _create_tables(connection)
            version = connection.execute(
                "SELECT value::INTEGER FROM meta WHERE key = 'schema_version'"
            ).fetchall()
            if version in ([], [(SCHEMA_VERSION,)]):
                _put_meta(connection, "schema_version", SCHEMA_VERSION)
                return connection
            connection.close()
        except duckdb.IOException as error:
            if "lock" in str(error).lower():
                raise
        except duckdb.Error:
            pass
        self.set_aside = set_aside(self.store, self.path)
        connection = open_to_write(self.path)
        _create_tables(connection)
        _put_meta(connection, "schema_version", SCHEMA_VERSION)
        return connection

    def is_done(self, stage: str) -> bool:
        """Whether an earlier run committed this stage."""
        return bool(self.rows("SELECT 1 FROM stages WHERE name = ?", [stage]))

    @contextmanager
    def stage(self, name: str, duration_s: float | None = None) -> Iterator[None]:
        """Everything written inside is committed together with the fact that the stage is done.

        ``duration_s`` where the work was done elsewhere; else the time spent inside.
        """
        started_at, start = datetime.datetime.now(datetime.UTC).isoformat(), time.monotonic()
        self._connection.begin()
        try:
            yield
            self._connection.execute(
                "INSERT INTO stages SELECT ?, count(*), ?, ? FROM stages",
                [name, started_at, time.monotonic() - start if duration_s is None else duration_s],
            )
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows given as equally long columns (lists or NumPy arrays)."""
        rows = pa.table(dict(columns))
        names = ", ".join(columns)
        self._connection.register("incoming", rows)
        self._connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")
        self._connection.unregister("incoming")

    def clear(self, table: str) -> None:
        """Take back everything this stage has written to a table."""
        self._connection.execute(f"DELETE FROM {table}")

    def write_matrix(
        self, table: str, keys: Mapping[str, Any], matrix: NDArray, first_row: int = 0
    ) -> None:
        """Append a matrix to a table of blocks, its rows numbered from ``first_row``."""
        blocks = list(pack(matrix, first_row))
        fields = ("first_row", "n_rows", "width", "scale", "data", "sha256")
        columns = {name: [value] * len(blocks) for name, value in keys.items()}
        columns |= {field: [getattr(block, field) for block in blocks] for field in fields}
        self.write(table, columns)

    def write_target(
        self, checkpoint: int, norm: float, target: NDArray[np.float32] | None
    ) -> None:
        """Append base − final of the last layer: its norm and, where it is kept, itself."""
        shape = (None, None) if target is None else target.shape
        data = None if target is None else np.ascontiguousarray(target, np.float32).tobytes()
        self._connection.execute(
            "INSERT INTO targets VALUES (?, ?, ?, ?, ?)", [checkpoint, norm, *shape, data]
        )

    def put_meta(self, key: str, value: Any) -> None:
        """Set one JSON value."""
        _put_meta(self._connection, key, value)

    def meta(self, key: str) -> Any:
        """One JSON value that ``put_meta`` set; KeyError if none was."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", [key])
        if not rows:
            raise KeyError(key)
        return json.loads(rows[0][0])

    def put_fact(self, model: str, fact: str, value: Any) -> None:
        """Set one JSON fact about a model or their difference."""
        self._connection.execute(
            "INSERT OR REPLACE INTO model_facts VALUES (?, ?, ?)", [model, fact, json.dumps(value)]
        )

    def matrix(self, table: str, keys: Mapping[str, Any]) -> NDArray[np.float32]:
        """The matrix that ``write_matrix`` wrote under ``keys``; ValueError if there is none."""
        matrix = read_matrix(self._connection, table, keys)
        if matrix is None:
            raise ValueError(f"{table} holds nothing under {dict(keys)}")
        return matrix

    def gradients(self) -> dict[str, NDArray]:
        """See ``cache.corpus.gradient_arrays``; ValueError if no gradients are written."""
        arrays = gradient_arrays(self._connection)
        if arrays is None:
            raise ValueError("no gradients are written yet")
        return arrays

    def corpus(self, held_out_source: str | None) -> dict[str, Any]:
        """The corpus as arrays, see ``cache.corpus``; ValueError if no gradients are written."""
        arrays = corpus_arrays(self._connection, held_out_source)
        if arrays is None:
            raise ValueError("no gradients are written yet")
        return arrays

    def rows(self, query: str, parameters: list[Any] | None = None) -> list[tuple]:
        """Rows of what is already written."""
        return self._connection.execute(query, parameters or []).fetchall()

    def columns(self, query: str, parameters: list[Any] | None = None) -> dict[str, NDArray]:
        """Columns of what is already written, as NumPy arrays."""
        return self._connection.execute(query, parameters or []).fetchnumpy()

    def seal(self) -> Path:
        """Write the manifest, close, and move the file to where complete audits are."""
        write_manifest(self._connection, sorted(TABLES))
        self._connection.execute("CHECKPOINT")
        self._connection.close()
        _sync(self.path)
        sealed = self.store.audits / self.path.name
        os.replace(self.path, sealed)
        sealed.chmod(0o444)
        return sealed

    def close(self) -> None:
        """Let go of the file; what was committed stays for the next run."""
        self._connection.close()


def alone(
    store: Store, audit_id: str, while_waiting: Callable[[], None]
) -> AbstractContextManager[None]:
    """Hold an audit for this process; ``while_waiting`` is called while another builds it."""
    return waiting_lock(store.building / f"{audit_id}.lock", while_waiting)


def _create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {MANIFEST} ({MANIFEST_COLUMNS})")


def _put_meta(connection: duckdb.DuckDBPyConnection, key: str, value: Any) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, json.dumps(value)])


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
