"""Complete files: found, deleted, or moved aside if they cannot be trusted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from assay.cache.annotations.annotations import (
    Annotated,
    delete_annotations,
    read_annotations,
)
from assay.cache.deletions import note_deletion
from assay.cache.files.claims import check_version, claims_of
from assay.cache.files.database import UnreadableFile, open_to_read, open_to_write
from assay.cache.files.inspection import kind_of
from assay.cache.files.kinds import KINDS
from assay.cache.files.manifest import check_seal
from assay.cache.files.quarantine import quarantine
from assay.cache.files.sealing import append, at_once, complete, create_tables, put_meta
from assay.cache.store import Store
from assay.core.errors import full_disk_explained
from assay.core.specs.results.result import Result

Kind = TypeVar("Kind", bound=Result)


def delete_audit(store: Store, audit_id: str, with_annotations: bool = False) -> None:
    """Delete a complete audit; a page that has it open keeps its copy until it closes.

    What people said about its documents is kept, unless it is to go as well.
    """
    path = store.audits / f"{audit_id}.duckdb"
    _delete(store, "audit", path, Annotated.audit(audit_id), with_annotations)


def delete_decompression(
    store: Store, decompression_id: str, with_annotations: bool = False
) -> None:
    """Delete a complete decompression; the answers it was made from stay in the model's journal.

    What people said about its examples is kept, unless it is to go as well.
    """
    path = store.decompressions / f"{decompression_id}.duckdb"
    about = Annotated.decompression(decompression_id)
    _delete(store, "decompression", path, about, with_annotations)


def delete_diff(store: Store, path: Path) -> None:
    """Delete a complete diff."""
    _delete(store, "diff", path)


def _delete(
    store: Store,
    kind: str,
    path: Path,
    about: Annotated | None = None,
    with_annotations: bool = False,
) -> None:
    store.require_writing()
    if not path.exists():
        return
    n_annotated = len(read_annotations(store, about)) if about else 0
    facts = {"n_annotated": n_annotated, "with_annotations": with_annotations}
    note_deletion(store.root, kind, path.stem, facts if n_annotated else None)
    if about and with_annotations:
        delete_annotations(store, about)
    path.unlink(missing_ok=True)


def sealed_audit(store: Store, audit_id: str) -> Path | None:
    """The path of a complete audit, or None; a damaged file is set aside.

    UnreadableFile if it cannot be read now, for example because another program has it open.
    """
    return _sealed(store, store.audits / f"{audit_id}.duckdb")


def sealed_experiment(store: Store, experiment_id: str) -> Path | None:
    """The path of a complete experiment, or None; see ``sealed_audit``."""
    return _sealed(store, store.experiments / f"{experiment_id}.duckdb")


def sealed_diff(store: Store, diff_id: str) -> Path | None:
    """The path of a complete diff, or None; see ``sealed_audit``."""
    return _sealed(store, store.diffs / f"{diff_id}.duckdb")


def sealed_decompression(store: Store, decompression_id: str) -> Path | None:
    """The path of a complete decompression, or None; see ``sealed_audit``."""
    return _sealed(store, store.decompressions / f"{decompression_id}.duckdb")


def _sealed(store: Store, path: Path) -> Path | None:
    try:
        check_seal(path)
    except FileNotFoundError:
        return None
    except UnreadableFile as unreadable:
        if not unreadable.is_damaged:
            raise
        quarantine(store, path, unreadable.problem)
        return None
    return path


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
    with full_disk_explained(building.parent), open_to_write(building) as connection:
        create_tables(connection, schema)
        with at_once(connection):
            for key, value in meta.items():
                put_meta(connection, key, value)
            for table, named in tables.items():
                if named:
                    append(connection, table, named)
        return complete(connection, schema, building, sealed)


def read_result(path: Path, shape: type[Kind]) -> Kind:
    """What a sealed file says about itself; UnreadableFile if that is not valid for ``shape``."""
    with open_to_read(path, is_listing=True) as connection:
        kind = kind_of(connection)
        rows = connection.execute("SELECT key, value FROM meta").fetchall()
    try:
        said = {key: json.loads(value) for key, value in rows}
        check_version(said, KINDS[kind].version)
        found = claims_of(kind, said)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(path, str(error), is_damaged=False) from error
    if not isinstance(found, shape):
        raise UnreadableFile(path, f"its kind is another: {kind}", is_damaged=False)
    return found
