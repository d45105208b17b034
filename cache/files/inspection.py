"""Checks before a file is read: only our tables, and of reasonable size.

Reading an untrusted file would run its views, macros and generated columns, and a table of ten
billion equal rows takes no room on disk but fills all of the memory.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache

import duckdb

from assay.cache.files.kinds import KINDS
from assay.cache.files.tables import MANIFEST, MANIFEST_COLUMNS

# What a file says about itself; a list reads nothing else.
_FACTS = ("meta", "stages", "model_facts", MANIFEST)
_MAX_FACTS = 100_000
_MAX_FACT_BYTES = 64_000_000
# A row takes at least a byte on disk, and text is compressed to a fiftieth at best.
_MIN_ROWS_ALLOWED = 100_000
_MIN_BYTES_ALLOWED = 256_000_000
_MAX_PACKING = 50
_MAX_VALUE_BYTES = 256_000_000
_LENGTHS = {
    "VARCHAR": "strlen({})",
    "JSON": "strlen({}::VARCHAR)",
    "BLOB": "octet_length({})",
    "DOUBLE[]": "8 * len({})",
    "INTEGER[]": "4 * len({})",
}
# Everything that a database may hold besides tables, with a word for it.
_REFUSED_THINGS = (
    ("a view", "SELECT view_name FROM duckdb_views() WHERE NOT internal"),
    ("a macro", "SELECT function_name FROM duckdb_functions() WHERE NOT internal"),
    ("a type", "SELECT type_name FROM duckdb_types() WHERE NOT internal"),
    ("a sequence", "SELECT sequence_name FROM duckdb_sequences()"),
    ("an index", "SELECT index_name FROM duckdb_indexes()"),
    (
        "a schema",
        "SELECT schema_name FROM duckdb_schemas() WHERE NOT internal AND schema_name <> 'main'",
    ),
)

# Files that passed, by their stamps; a file that changed is inspected again.
_passed: dict[tuple[object, ...], None] = {}
_N_REMEMBERED = 10_000


class Refused(Exception):
    """Why a file is not read; ``is_damage`` if it cannot be what was sealed."""

    def __init__(self, why: str, is_damage: bool = True) -> None:
        self.is_damage = is_damage
        super().__init__(why)


def inspect(connection: duckdb.DuckDBPyConnection, found: os.stat_result, is_listing: bool) -> None:
    """Refused unless the open file holds exactly the tables of one kind, within limits.

    ``found``: the file's stamp when it was opened; ``is_listing``: measure only what the file says
    about itself.
    """
    key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    if (*key, False) in _passed or (*key, is_listing) in _passed:
        return
    tables = _tables(connection)
    _check_tables(connection, tables)
    for table in (name for name in _FACTS if name in tables):
        _measure(connection, table, _MAX_FACTS, _MAX_FACT_BYTES)
    if not is_listing:
        n_rows = max(_MIN_ROWS_ALLOWED, found.st_size)
        n_bytes = max(_MIN_BYTES_ALLOWED, _MAX_PACKING * found.st_size)
        for table in tables:
            _measure(connection, table, n_rows, n_bytes)
    _passed[(*key, is_listing)] = None
    if len(_passed) > _N_REMEMBERED:
        del _passed[next(iter(_passed))]


def kind_of(connection: duckdb.DuckDBPyConnection) -> str:
    """The kind of an open file, by its tables; Refused if it is none of ours."""
    tables = _tables(connection)
    for kind in KINDS:
        if _is_of(kind, tables):
            return kind
    raise Refused("its tables are not those of an Assay file")


def table_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of an open file's tables."""
    return list(_tables(connection))


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The statement of each table; Refused if the file holds anything else."""
    for thing, query in _REFUSED_THINGS:
        own = "database_name = current_database()"
        query += f" AND {own}" if "WHERE" in query else f" WHERE {own}"
        rows = connection.execute(query).fetchmany(1)
        if rows:
            raise Refused(
                f"it contains {thing} ({str(rows[0][0])[:40]!r}), which no Assay file does"
            )
    rows = connection.execute(
        "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = current_database() "
        "LIMIT 1000"
    ).fetchall()
    return dict(rows)


def _check_tables(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> None:
    if any(_is_of(kind, tables) for kind in KINDS):
        return
    if tables.get("meta") in {_expected(kind)["meta"] for kind in KINDS}:
        _measure(connection, "meta", _MAX_FACTS, _MAX_FACT_BYTES)
        found = connection.execute(
            "SELECT value::VARCHAR FROM meta WHERE key = 'schema_version'"
        ).fetchall()
        if found and re.fullmatch(r"\d{1,5}", found[0][0]):
            version = f"schema {found[0][0]}"
            raise Refused(f"written by another version of Assay ({version})", is_damage=False)
    raise Refused("its tables are not those of an Assay file")


def _is_of(kind: str, tables: dict[str, str]) -> bool:
    """Whether these are a kind's tables, except for some that older files of that kind lack."""
    expected = _expected(kind)
    missing = expected.keys() - tables.keys()
    return missing <= KINDS[kind].older_lack and tables == {
        name: sql for name, sql in expected.items() if name not in missing
    }


def _measure(
    connection: duckdb.DuckDBPyConnection, table: str, max_rows: int, max_bytes: int
) -> None:
    """Refused if a table has more rows or longer values than a genuine file could have."""
    ((n_rows,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    if n_rows > max_rows:
        raise Refused(f"its table {table} has {n_rows:,} rows, too many to be genuine")
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? "
        "AND database_name = current_database()",
        [table],
    ).fetchall()
    lengths = [_LENGTHS[kind].format(column) for column, kind in columns if kind in _LENGTHS]
    if not lengths:
        return
    wanted = ", ".join(f"max({one}), sum({one})" for one in lengths)
    (found,) = connection.execute(f"SELECT {wanted} FROM {table}").fetchall()
    longest, total = max(map(_number, found[::2])), sum(map(_number, found[1::2]))
    if longest > _MAX_VALUE_BYTES or total > max_bytes:
        raise Refused(f"its table {table} expands to {total:,} bytes, too many to be genuine")


def _number(value: int | None) -> int:
    return int(value or 0)


@lru_cache
def _expected(kind: str) -> dict[str, str]:
    """The expected statement of every table, in DuckDB's spelling."""
    with duckdb.connect(":memory:") as connection:
        for table, columns in {**KINDS[kind].tables, MANIFEST: MANIFEST_COLUMNS}.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
        return _tables(connection)
