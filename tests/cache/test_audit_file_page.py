"""docs/audit-file.md: made from the schema, true of a real file, and its code runs."""

from __future__ import annotations

import json
import re

import duckdb
import numpy as np
import pytest
from support.paths import ROOT
from support.titration_audit import write_sample_titration

from assay.cache.audits.schema import AUDIT_TABLES, META_KEYS, TABLES
from assay.cache.audits.schema_page import audit_file_page
from assay.cache.audits.texts import read_candidates
from assay.cache.files.tables import Table
from assay.cache.store import Store

PAGE = ROOT / "docs/audit-file.md"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_sample_titration(Store(tmp_path_factory.mktemp("home")), grid=None)


def test_the_page_is_the_schema_s():
    """The committed page is what `make docs` writes."""
    assert PAGE.read_text() == audit_file_page()


def test_the_page_is_true_of_a_file(path):
    """Tables, columns, types and what may be empty are those that DuckDB itself reports."""
    sections = re.findall(r"^### (\w+)\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.M | re.S)
    said = {
        (table, column, kind, "may be NULL" in marks)
        for table, text in sections
        for column, kind, marks in re.findall(r"^\| `(\w+)` \| `(\S+)`(.*?) \|", text, re.M)
    }
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE NOT internal"
        ).fetchall()
        keys = {row[0] for row in connection.execute("SELECT key FROM meta").fetchall()}
    short = {"FLOAT": "REAL"}
    assert said == {(t, c, short.get(kind, kind), null) for t, c, kind, null in columns}
    assert keys - set(META_KEYS) == set()


def test_every_column_and_table_has_a_meaning():
    """No table and no column is left without words."""
    assert all(table.meaning.endswith(".") for table in AUDIT_TABLES.values())
    words = [says for table in AUDIT_TABLES.values() for _, says in table.columns.values()]
    assert all(len(says) > 4 for says in words)
    assert list(TABLES) == list(AUDIT_TABLES)


def test_a_key_of_two_columns_is_one_key():
    """SQL made of a table as data makes that table, its key across columns."""
    table = Table("Pairs.", {"a": ("INTEGER NOT NULL", "one"), "b": ("INTEGER", "two")}, ("a", "b"))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE pairs ({table.sql})")
        connection.execute("INSERT INTO pairs VALUES (1, 1), (1, 2)")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO pairs VALUES (1, 2)")


def test_the_code_of_the_page_reads_a_file(path):
    """The page's Python reads a real file with DuckDB and NumPy alone, embeddings included."""
    names = {"path": str(path)}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert len(names["selected"]) == 20
    assert json.loads(names["asked"][0])["budget"] == 20
    assert len(names["tested"])
    names["audit"].close()
    np.testing.assert_array_equal(names["embeddings"], read_candidates(path).embeddings)
