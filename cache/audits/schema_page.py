"""The page docs/audit-file.md, generated from the schema (``make docs``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay.cache.audits.schema import AUDIT_TABLES, META_KEYS, SCHEMA_VERSION
from assay.cache.files.tables import MANIFEST_TABLE, Table

_INTRODUCTION = f"""\
# The audit file

<!-- Made from cache/audits/schema/ by `make docs`; do not edit it by hand. -->

An audit is one DuckDB file, `audits/NAME.duckdb` in the [store](guide.md#running). Any program that
reads DuckDB can open it; Assay is not needed. A complete file never changes, so open it read-only.
This page describes schema version {SCHEMA_VERSION}. In Python, [assay.open_audit](notebook.md) is
shorter.

The best documents of a selection, with their sources:

```python
import duckdb

audit = duckdb.connect(path, read_only=True)
selected = audit.sql(\"\"\"
    SELECT rank, gain, source, text
    FROM selections JOIN documents USING (document_id)
    WHERE strategy = 'select' ORDER BY rank LIMIT 20
\"\"\").df()
```

What was asked, and every metric that has a p-value:

```python
(asked,) = audit.execute("SELECT value ->> '$' FROM meta WHERE key = 'spec'").fetchall()
tested = audit.sql(
    "SELECT subject, metric, value, p_value FROM metrics WHERE p_value IS NOT NULL"
).df()
```

Matrices are cut into blocks of rows. A row is its float16 values times its float32 scale:

```python
import numpy as np

blocks = audit.execute(\"\"\"
    SELECT n_rows, width, scale, data FROM embeddings
    WHERE set_name = 'seed-corpus' ORDER BY first_row
\"\"\").fetchall()
embeddings = np.concatenate([
    np.frombuffer(data, np.float16).reshape(n_rows, width).astype(np.float32)
    * np.frombuffer(scale, np.float32)[:, None]
    for n_rows, width, scale, data in blocks
])
```

A file from somebody else is only as honest as its sender: `assay verify` says whether it changed
since it was made, not who made it. Documents in it can be hostile text; never render them as HTML.
A table is empty if the audit did not compute it.

## Tables
"""
_COLUMNS = ("column", "type", "meaning")


def audit_file_page() -> str:
    """Every table of an audit file, and every key of its table ``meta``, in Markdown."""
    tables = {**AUDIT_TABLES, "manifest": MANIFEST_TABLE}
    parts = [_INTRODUCTION, *(_section(name, table) for name, table in tables.items())]
    return "\n".join([*parts, _keys(META_KEYS)])


def _section(name: str, table: Table) -> str:
    rows = [
        (f"`{column}`", f"`{_type(kind)}`{_marks(column, kind, table)}", meaning)
        for column, (kind, meaning) in table.columns.items()
    ]
    return f"### {name}\n\n{table.meaning}\n\n{_markdown_table(_COLUMNS, rows)}"


def _type(kind: str) -> str:
    return kind.split()[0]


def _marks(column: str, kind: str, table: Table) -> str:
    """Whether the column is part of the key, and whether it may be NULL."""
    if "PRIMARY KEY" in kind or column in table.key:
        return ", key"
    return "" if "NOT NULL" in kind else ", may be NULL"


def _keys(keys: Mapping[str, str]) -> str:
    rows = [(f"`{key}`", meaning) for key, meaning in keys.items()]
    return f"## Keys of meta\n\n{_markdown_table(('key', 'value'), rows)}"


def _markdown_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [header, ["---"] * len(list(header)), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    print(audit_file_page(), end="")
