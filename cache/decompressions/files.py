"""Decompression files: written whole when a run is complete, then never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from assay.cache.decompressions.schema import SCHEMA_VERSION, TABLES
from assay.cache.files.claims import as_claimed
from assay.cache.files.database import open_to_read
from assay.cache.files.sealed import seal_whole
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.results.decompression import DecompressionResult

# Tables and values that Assay did not write; a file that is in use or inaccessible is another
# matter.
_OF_ANOTHER_FORM = (duckdb.CatalogException, duckdb.BinderException, duckdb.ConversionException)


@dataclass(frozen=True)
class Contents:
    """The contents of a decompression file: facts about it, and columns by table and name.

    A table without columns is empty.
    """

    meta: DecompressionResult
    tables: Mapping[str, Mapping[str, Any]]


def read_contents(path: Path) -> Contents:
    """Everything in a sealed file, in the order of the tables' keys.

    InputError for a file of another version of Assay, or of something else.
    """
    try:
        return _contents(path)
    except (*_OF_ANOTHER_FORM, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            "a decompression written by Assay",
            f"{path.name!r}, which is something else ({type(error).__name__})",
            "choose another, or decompress the model again",
        ) from error


def _contents(path: Path) -> Contents:
    with open_to_read(path) as connection:
        found = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchall()
        version = json.loads(found[0][0]) if found else "none"
        if version != SCHEMA_VERSION:
            raise InputError(
                f"a decompression of schema {SCHEMA_VERSION}",
                f"one of schema {version}",
                "decompress the model again; its kept answers are reused",
            )
        tables = {
            table: connection.sql(f"SELECT * FROM {table} ORDER BY ALL").to_arrow_table()
            for table in TABLES
        }
    meta = dict(zip(*tables.pop("meta").to_pydict().values(), strict=True))
    return Contents(
        as_claimed(DecompressionResult, {key: json.loads(value) for key, value in meta.items()}),
        {table: rows.to_pydict() for table, rows in tables.items() if len(rows)},
    )


def seal(store: Store, decompression_id: str, contents: Contents) -> Path:
    """Write a decompression, and move it to the folder of complete ones."""
    sealed = store.decompressions / f"{decompression_id}.duckdb"
    said = {key: value for key, value in asdict(contents.meta).items() if value is not None}
    meta = {**said, "schema_version": SCHEMA_VERSION}
    return seal_whole(store, sealed, TABLES, meta, contents.tables)
