"""Row counts and digests that say whether an audit file is what was sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assay.cache.files.database import open_to_read
from assay.cache.files.tables import Table
from assay.cache.store import Store
from assay.core.errors import InputError


@dataclass(frozen=True)
class TableCheck:
    """One table of the manifest against what the file holds now."""

    table: str
    n_rows_expected: int
    n_rows: int
    is_intact: bool


def write_manifest(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> None:
    """Record each table's row count and digest."""
    for table in tables:
        n_rows, digest = _fingerprint(connection, table)
        connection.execute(
            f"INSERT OR REPLACE INTO {MANIFEST} VALUES (?, ?, ?)", [table, n_rows, digest]
        )


def check_manifest(path: Path) -> list[TableCheck]:
    """Recount and redigest every table; duckdb.Error if the file cannot be read at all."""
    with open_to_read(path) as connection:
        expected = connection.execute(f"SELECT * FROM {MANIFEST} ORDER BY table_name").fetchall()
        checks = []
        for table, n_rows_expected, digest_expected in expected:
            n_rows, digest = _fingerprint(connection, table)
            checks.append(TableCheck(table, n_rows_expected, n_rows, digest == digest_expected))
        return checks


@dataclass(frozen=True)
class AuditCheck:
    """What verification found of one sealed file."""

    audit_id: str
    is_intact: bool
    verdict: str


def verify_audits(store: Store, audit_id: str | None = None) -> list[AuditCheck]:
    """Check one sealed file of the store, or all; one that is not there is an InputError."""
    folders = (store.audits, store.experiments, store.decompressions, store.diffs)
    paths = sorted(path for folder in folders for path in folder.glob("*.duckdb"))
    if audit_id is not None:
        paths = [path for path in paths if path.stem == audit_id]
        if not paths:
            raise InputError("the name of an audit", repr(audit_id), "see `assay verify`")
    return [_check(path) for path in paths]


def _check(path: Path) -> AuditCheck:
    try:
        broken = [check.table for check in check_manifest(path) if not check.is_intact]
    except duckdb.Error as error:
        return AuditCheck(path.stem, False, f"unreadable ({str(error).splitlines()[0]})")
    if broken:
        return AuditCheck(path.stem, False, f"changed since it was sealed: {', '.join(broken)}")
    return AuditCheck(path.stem, True, "intact")


def _fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[int, str]:
    # xor of row digests: independent of row order, and every table has a primary key, so no two
    # rows cancel out.
    query = f"SELECT count(*), bit_xor(md5_number(t::VARCHAR))::VARCHAR FROM {table} t"
    ((n_rows, digest),) = connection.execute(query).fetchall()
    return n_rows, digest or ""


MANIFEST = "manifest"
MANIFEST_TABLE = Table(
    "What each table held when the file was completed; `assay verify` compares.",
    {
        "table_name": ("VARCHAR PRIMARY KEY", "the table"),
        "n_rows": ("BIGINT NOT NULL", "its number of rows"),
        "digest": ("VARCHAR NOT NULL", "of all its rows, in any order"),
    },
)
MANIFEST_COLUMNS = MANIFEST_TABLE.sql
