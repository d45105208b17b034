"""Files that a stranger changed: what may be wrong with their tables, and with what they say."""

from __future__ import annotations

import shutil

import duckdb
from support.audit_file import write_sample_audit


def write_mailed(store, folder):
    """An audit that anybody may write to, outside any store; ``store`` keeps its original."""
    path = folder / "mailed.duckdb"
    shutil.copy(write_sample_audit(store, "sample", n_documents=120), path)
    path.chmod(0o644)
    return path


def changed(path, *statements):
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


HOSTILE = {
    "a view for a table": [
        "DROP TABLE meta",
        "CREATE VIEW meta AS SELECT range::VARCHAR AS key, '1'::JSON AS value "
        "FROM range(10000000000)",
    ],
    "another view": ["CREATE VIEW more AS SELECT * FROM meta"],
    "a macro": ["CREATE MACRO strlen(x) AS 0"],
    "a type": ["CREATE TYPE mood AS ENUM ('good')"],
    "a sequence": ["CREATE SEQUENCE numbers"],
    "a schema": ["CREATE SCHEMA other"],
    "a table more": ["CREATE TABLE more (a INTEGER)"],
    "a table less": ["DROP TABLE metrics"],
    "a column more": ["ALTER TABLE metrics ADD COLUMN more INTEGER"],
    "a generated column": [
        "DROP TABLE map_points",
        "CREATE TABLE map_points (set_name VARCHAR NOT NULL, item_id INTEGER NOT NULL, "
        "x REAL NOT NULL, y REAL GENERATED ALWAYS AS (x + 1), PRIMARY KEY (set_name, item_id))",
    ],
    "another type": [
        "DROP TABLE random_objective",
        "CREATE TABLE random_objective (n_selected INTEGER PRIMARY KEY, mean VARCHAR NOT NULL, "
        "low DOUBLE NOT NULL, high DOUBLE NOT NULL)",
    ],
    "a default that calls": [
        "DROP TABLE random_objective",
        "CREATE TABLE random_objective (n_selected INTEGER PRIMARY KEY, mean DOUBLE NOT NULL "
        "DEFAULT random(), low DOUBLE NOT NULL, high DOUBLE NOT NULL)",
    ],
    "an index": ["CREATE INDEX extra ON metrics (metric)"],
    "long values": [
        "INSERT INTO test_documents (test_id, text) SELECT 100000 + range, repeat('a', 30000000) "
        "FROM range(20)"
    ],
    "many facts": [
        "INSERT INTO meta SELECT 'k' || range, '1' FROM range(200000)",
    ],
}
CLAIMS = {
    "counts": "[1, 2]",
    "spec": '"nothing"',
    "title": "7",
    "created_at": "null",
    "label_names": '{"a": 1}',
    "assessment": '{"verdict": "fine", "reasons": ["It is."], "hints": []}',
    "caveats": '["a", 1]',
    "provenance": '{"command": 1, "assay_version": "0", "packages": {}}',
    "training": "[" * 60 + "]" * 60,
    "projection": '{"dimension": "many", "worth": null, "estimates": {}}',
    "vocabulary": '{"doubts": ["whether it is Tuesday"]}',
    "map": '{"method": ["UMAP"]}',
    "initial_head": '"mine"',
}


def claim(path, key, value):
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])
