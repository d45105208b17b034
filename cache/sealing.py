"""Files of the store that are written in one go: whole, with a manifest, and never changed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from cache.database import open_to_read, open_to_write
from cache.home import Store
from cache.manifest import write_manifest
from cache.schema import MANIFEST, MANIFEST_COLUMNS


def seal_whole(
    store: Store,
    sealed: Path,
    schema: Mapping[str, str],
    meta: Mapping[str, Any],
    tables: Mapping[str, Mapping[str, Any]],
) -> Path:
    """Write a file with ``schema``'s tables, and move it to ``sealed`` once it is complete.

    ``tables`` holds columns by table and name; a table without columns stays empty.
    """
    building = store.building / f"{sealed.parent.name}-{sealed.name}"
    building.unlink(missing_ok=True)
    with open_to_write(building) as connection:
        for table, columns in {**schema, MANIFEST: MANIFEST_COLUMNS}.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
        for key, value in meta.items():
            connection.execute("INSERT INTO meta VALUES (?, ?)", [key, json.dumps(value)])
        for table, named in tables.items():
            if not named:
                continue
            names = ", ".join(named)
            connection.register("incoming", pa.table(dict(named)))
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")
            connection.unregister("incoming")
        write_manifest(connection, sorted(schema))
        connection.execute("CHECKPOINT")
    with building.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(building, sealed)
    sealed.chmod(0o444)
    return sealed


def read_meta(path: Path) -> dict[str, Any]:
    """What a sealed file says about itself."""
    with open_to_read(path) as connection:
        rows = connection.execute("SELECT key, value FROM meta").fetchall()
    return {key: json.loads(value) for key, value in rows}
