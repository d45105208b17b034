"""Decompression files: written whole when a run is complete, then never changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cache.database import StoreError, open_to_read, open_to_write
from cache.decompression_schema import SCHEMA_VERSION, TABLES
from cache.home import Store
from cache.manifest import write_manifest
from cache.schema import MANIFEST, MANIFEST_COLUMNS
from cache.shelf import set_aside
from core.errors import InputError


@dataclass(frozen=True)
class Contents:
    """What a decompression file holds: facts about it, and columns by table and name.

    A table without columns is empty.
    """

    meta: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]


def read_contents(path: Path) -> Contents:
    """Everything in a sealed file, in the order of the tables' keys.

    InputError for a file of another version of Assay.
    """
    with open_to_read(path) as connection:
        ((version,),) = connection.execute(
            "SELECT value::INTEGER FROM meta WHERE key = 'schema_version'"
        ).fetchall()
        if version != SCHEMA_VERSION:
            raise InputError(
                f"a decompression of schema {SCHEMA_VERSION}",
                f"one of schema {version}",
                "decompress the model again: what it answered is kept, and is not asked again",
            )
        tables = {
            table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL").to_arrow_table()
            for table in TABLES
        }
    meta = dict(zip(*tables.pop("meta").to_pydict().values(), strict=True))
    return Contents(
        {key: json.loads(value) for key, value in meta.items()},
        {table: rows.to_pydict() for table, rows in tables.items() if len(rows)},
    )


def seal(store: Store, decompression_id: str, contents: Contents) -> Path:
    """Write a decompression, and move it to where complete ones are."""
    building = store.building / f"{decompression_id}.decompression.duckdb"
    building.unlink(missing_ok=True)
    with open_to_write(building) as connection:
        for table, columns in {**TABLES, MANIFEST: MANIFEST_COLUMNS}.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
        for key, value in {**contents.meta, "schema_version": SCHEMA_VERSION}.items():
            connection.execute("INSERT INTO meta VALUES (?, ?)", [key, json.dumps(value)])
        for table, named in contents.tables.items():
            if not named:
                continue
            names = ", ".join(named)
            connection.register("incoming", pa.table(dict(named)))
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")
            connection.unregister("incoming")
        write_manifest(connection, sorted(TABLES))
        connection.execute("CHECKPOINT")
    with building.open("rb") as file:
        os.fsync(file.fileno())
    sealed = store.decompressions / f"{decompression_id}.duckdb"
    os.replace(building, sealed)
    sealed.chmod(0o444)
    return sealed


def sealed_decompression(store: Store, decompression_id: str) -> Path | None:
    """The path of a complete one, or None; a file that cannot be opened is set aside."""
    path = store.decompressions / f"{decompression_id}.duckdb"
    if not path.exists():
        return None
    try:
        with open_to_read(path) as connection:
            connection.execute(f"SELECT count(*) FROM {MANIFEST}").fetchall()
    except StoreError:
        set_aside(store, path)
        return None
    return path
