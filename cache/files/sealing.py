"""How a file of results is written and sealed; after that it never changes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assay.cache.files.database import roll_back
from assay.cache.files.manifest import write_manifest
from assay.cache.files.tables import MANIFEST, MANIFEST_COLUMNS
from assay.core.errors import full_disk_explained


@contextmanager
def at_once(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that is written inside is committed together, or nothing of it.

    Each statement on its own would wait for the disk.
    """
    connection.begin()
    try:
        yield
        connection.commit()
    except BaseException as error:
        roll_back(connection, error)
        raise


def create_tables(connection: duckdb.DuckDBPyConnection, schema: Mapping[str, str]) -> None:
    """Create ``schema``'s tables and the manifest's, unless they exist."""
    with at_once(connection):
        for table, columns in {**schema, MANIFEST: MANIFEST_COLUMNS}.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")


def append(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Any]) -> int:
    """Append rows, given as columns of equal length (lists or NumPy arrays); their bytes."""
    names = ", ".join(columns)
    incoming = pa.table(dict(columns))
    connection.register("incoming", incoming)
    connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")
    connection.unregister("incoming")
    return int(incoming.nbytes)


def put_meta(connection: duckdb.DuckDBPyConnection, key: str, value: Any) -> None:
    """Set one JSON value."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, json.dumps(value)])


def complete(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[str], building: Path, sealed: Path
) -> Path:
    """Write the manifest of ``tables``, close the file, and move it to ``sealed``."""
    with full_disk_explained(building.parent):
        with at_once(connection):
            write_manifest(connection, sorted(tables))
        connection.execute("CHECKPOINT")
    connection.close()
    with building.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(building, sealed)
    sealed.chmod(0o444)
    return sealed
