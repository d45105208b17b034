"""Diffs of two decompressions: written whole, then only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from assay.cache.diffs.schema import DIFF_SCHEMA_VERSION, DIFF_TABLES
from assay.cache.files.database import open_to_read
from assay.cache.files.listing import Stamp, readable, remembered
from assay.cache.files.sealed import read_result, seal_whole
from assay.cache.store import Store
from assay.core.specs.results.diff import DiffResult


@dataclass(frozen=True)
class DiffSummary:
    """One line of the list: which two decompressions, by name, and with which noise."""

    path: Path
    created_at: str
    first: str
    second: str
    has_floor: bool


def seal_diff(
    store: Store, diff_id: str, meta: DiffResult, tables: Mapping[str, Mapping[str, Any]]
) -> Path:
    """Write a diff, and move it to the folder of complete ones."""
    facts = {**asdict(meta), "schema_version": DIFF_SCHEMA_VERSION}
    return seal_whole(store, store.diffs / f"{diff_id}.duckdb", DIFF_TABLES, facts, tables)


def list_diffs(store: Store) -> list[DiffSummary]:
    """Diffs that can be read, newest first."""
    return sorted(
        readable(store.diffs, _known_summary), key=lambda one: one.created_at, reverse=True
    )


def read_diff_topics(path: Path) -> pd.DataFrame:
    """Topics of all pairs of runs; reported ones first, then by the size of the difference."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT * EXCLUDE (row_id), first_votes / n_lists AS first_support, "
            "second_votes / n_lists AS second_support FROM topics "
            "ORDER BY pair, is_reported DESC, abs(difference) DESC, row_id"
        ).df()


def read_diff_examples(path: Path, limit: int) -> pd.DataFrame:
    """Pairs of examples of the two runs; reported ones first, then the least similar."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT * FROM examples WHERE pair = 0 ORDER BY is_reported DESC, cosine, row_id "
            "LIMIT ?",
            [limit],
        ).df()


def read_diff_branches(path: Path) -> pd.DataFrame:
    """Branches of the two runs; reported ones first, then by how far they fall."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT * EXCLUDE (row_id, pair) FROM branches WHERE pair = 0 "
            "ORDER BY is_reported DESC, second_value - first_value, row_id"
        ).df()


@remembered
def _known_summary(path: Path, stamp: Stamp) -> DiffSummary:
    meta = read_result(path, DiffResult)
    return DiffSummary(path, meta.created_at, meta.first.id, meta.second.id, bool(meta.noise))
