"""Row counts and digests that show whether an audit file is unchanged since it was sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.cache.files.database import FileInUse, UnreadableFile, open_to_read
from assay.cache.files.inspection import table_names
from assay.cache.files.tables import MANIFEST
from assay.cache.store import Store
from assay.core.errors import InputError


def write_manifest(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> None:
    """Record each table's row count and digest."""
    for table in tables:
        n_rows, digest = _fingerprint(connection, table)
        connection.execute(
            f"INSERT OR REPLACE INTO {MANIFEST} VALUES (?, ?, ?)", [table, n_rows, digest]
        )


def changed_tables(path: Path) -> list[str]:
    """The tables whose rows are no longer those that were sealed.

    Counts and hashes every table again; UnreadableFile if the file cannot be read at all.
    """
    with open_to_read(path) as connection:
        expected = connection.execute(f"SELECT * FROM {MANIFEST} ORDER BY table_name").fetchall()
        # A name is put into a query: it must be one of the inspected tables.
        names = [name for name in table_names(connection) if name != MANIFEST]
        if sorted(names) != [name for name, _, _ in expected]:
            raise UnreadableFile(path, "its manifest lists other tables", is_damaged=True)
        return [
            table for table, *sealed in expected if [*_fingerprint(connection, table)] != sealed
        ]


def check_seal(path: Path) -> None:
    """UnreadableFile if any table changed since sealing; FileNotFoundError without a file."""
    if changed := changed_tables(path):
        problem = f"changed since it was sealed: {', '.join(changed)}"
        raise UnreadableFile(path, problem, is_damaged=True)


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class AuditCheck:
    """The result of verifying one sealed file."""

    audit_id: str
    is_intact: bool
    verdict: str


def verify_audits(store: Store, audit_id: str | None = None) -> list[AuditCheck]:
    """Verify one sealed file of the store, or all; InputError if the named one does not exist."""
    folders = (store.audits, store.experiments, store.decompressions, store.diffs)
    paths = sorted(path for folder in folders for path in folder.glob("*.duckdb"))
    if audit_id is not None:
        paths = [path for path in paths if path.stem == audit_id]
        if not paths:
            raise InputError("the id of a result in this store", repr(audit_id), "see `assay list`")
    return [check_file(path) for path in paths]


def check_file(path: Path) -> AuditCheck:
    """Verify one file, wherever it is."""
    try:
        check_seal(path)
    except FileInUse as unreadable:
        return AuditCheck(path.stem, False, unreadable.problem)
    except UnreadableFile as unreadable:
        is_changed = unreadable.problem.startswith("changed")
        said = unreadable.problem if is_changed else f"unreadable ({unreadable.problem})"
        return AuditCheck(path.stem, False, said)
    except OSError as error:
        return AuditCheck(path.stem, False, f"unreadable ({error.strerror or error})")
    return AuditCheck(path.stem, True, "intact")


def _fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, str]:
    # xor of row digests: independent of row order; every table has a primary key, so no two rows
    # cancel out.
    query = f"SELECT count(*), bit_xor(md5_number(t::VARCHAR))::VARCHAR FROM {table} t"
    ((n_rows, digest),) = connection.execute(query).fetchall()
    return n_rows, digest or ""
