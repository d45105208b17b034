"""Table definitions as data: for DuckDB, and for the page that documents them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """What one row is, and its columns: name → (type and constraints in SQL, meaning).

    ``key``: the columns of a primary key that is more than one column.
    """

    meaning: str
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    key: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The text between the parentheses of CREATE TABLE."""
        parts = [f"{name} {kind}" for name, (kind, _) in self.columns.items()]
        if self.key:
            parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        return ", ".join(parts)


# Row counts and digests of every table, which show whether a file is unchanged since it was sealed.
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
