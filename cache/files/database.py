"""The one place that opens DuckDB files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

# No extension is ever fetched, and a file mailed by a stranger cannot read other files through
# a view.
_SETTINGS: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
}

StoreError = duckdb.Error


def open_to_read(path: Path) -> duckdb.DuckDBPyConnection:
    """Open an existing file; several processes may do so at once while none writes it."""
    return duckdb.connect(str(path), read_only=True, config=_SETTINGS)


def open_to_write(path: Path) -> duckdb.DuckDBPyConnection:
    """Open or create a file for this process alone."""
    return duckdb.connect(str(path), config=_SETTINGS)
