"""Queries on how well groups of documents explain the weight difference."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from assay.cache.files.database import open_to_read


def read_groups(path: Path) -> pd.DataFrame:
    """Sources and classes, the highest cosine first; no rows if corpora were not ranked."""
    with open_to_read(path) as connection:
        return connection.execute("SELECT * FROM groups ORDER BY kind, cosine DESC").df()


def read_source_students(path: Path) -> pd.DataFrame:
    """Models trained on half of each source."""
    with open_to_read(path) as connection:
        return connection.execute("SELECT * FROM source_students ORDER BY ALL").df()
