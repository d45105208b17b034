"""SQL is written in ``cache/`` and nowhere else: imports alone would not show a string."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_NAME = r'[\w{}".$]+'
# Statements as DuckDB and SQLite read them, and the clauses that only make sense inside one.
_SQL = re.compile(
    rf"""
      \bSELECT\s+(?:DISTINCT\s+)?[\w*(?'"{{][^.;:]*?\bFROM\s+[\w{{(]
    | \bSELECT\s+(?:\?|\*|\d|count\s*\()
    | \bINSERT\s+(?:OR\s+\w+\s+)?INTO\s+{_NAME}
    | \b(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?(?:TABLE|VIEW|INDEX)\b
    | \bALTER\s+TABLE\b
    | \bUPDATE\s+{_NAME}\s+SET\b
    | \bDELETE\s+FROM\b
    | \bCOPY\s+(?:{_NAME}|\(.*\))\s+(?:TO|FROM)\b
    | \b(?:PRAGMA|ATTACH|DETACH)\s+[\w{{'\"]
    | \b(?:WHERE|HAVING|ON)\s+\w+\s*(?:=|<|>|IN)\s*(?:\?|\(|\$\d)
    | \b(?:ORDER|GROUP)\s+BY\s+\w
    """,
    re.VERBOSE | re.DOTALL,
)


def _strings(source: str):
    """Line and text of every string, the parts of an f-string together with {} for the rest."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _sql_in(source: str) -> list[tuple[int, str]]:
    return [(line, text) for line, text in _strings(source) if _SQL.search(text)]


def _modules(*folders: str) -> list[Path]:
    return [_ROOT / "app.py", *(p for f in folders for p in sorted((_ROOT / f).rglob("*.py")))]


def test_no_module_outside_the_cache_holds_a_statement():
    """No string of ``core/``, ``pages/`` or the start page is SQL or a clause of it."""
    found = [
        f"{path.relative_to(_ROOT)}:{line}: {text[:60]!r}"
        for path in _modules("core", "pages")
        for line, text in _sql_in(path.read_text())
    ]
    assert not found


def test_the_statements_of_the_cache_would_be_found():
    """The same look at ``cache/`` finds the modules that ask and write."""
    found = {path.name for path in _modules("cache") if _sql_in(path.read_text())}
    assert {"rows.py", "builder.py", "journal.py", "row_cache.py", "read.py"} <= found


@pytest.mark.parametrize(
    "source",
    [
        "q = 'SELECT text FROM documents'",
        "q = f'SELECT {columns} FROM {table} ORDER BY 1'",
        "q = 'SELECT 1'",
        "q = 'INSERT OR REPLACE INTO meta VALUES (?, ?)'",
        "q = f'CREATE TABLE IF NOT EXISTS {table} ({columns})'",
        "q = f'UPDATE {table} SET x = 1'",
        "q = 'DELETE FROM scores'",
        "q = f'COPY {table} TO \\'out.parquet\\''",
        "q = 'PRAGMA journal_mode = WAL'",
        "q = f'ATTACH {path!r}'",
        "q = 'WHERE source = ?'",
        "q = 'ORDER BY rank'",
    ],
)
def test_statements_and_clauses_are_known(source):
    """Each kind of statement counts, whole, built of parts, or one clause of it alone."""
    assert _sql_in(source)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT",
        "SELECT+ weighs the documents that SELECT takes from the corpus.",
        "SELECT against the tokens of text drawn from the corpus",
        "Documents that SELECT finds; random ones come from the pool.",
        "Copy to the clipboard",
        "Select a file, then update the set of documents.",
        "order by which documents were read",
    ],
)
def test_the_method_of_that_name_is_plain_english(text):
    """SELECT is the name of a method here, and sentences about it are no statements."""
    assert not _sql_in(repr(text))
