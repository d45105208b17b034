"""Repeats: audits with the same options but another seed, each of its own final model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from assay.cache.audits.read import list_audits, read_metrics
from assay.cache.files.database import UnreadableFile
from assay.cache.store import Store
from assay.core.specs.audit import Assessability


def repeats_of(store: Store, path: Path) -> list[Path]:
    """The audit itself, and its repeats with other final models.

    One per final model, the newest; none that could not be assessed.
    """
    audits = {one.audit_id: one for one in list_audits(store)}
    this = audits.get(path.stem)
    if this is None or this.problem:  # an invalid or damaged file
        return [path]
    found = {this.pair: path}
    for audit_id, one in audits.items():
        is_scored = one.assessability not in (None, Assessability.NOT_ASSESSABLE)
        if is_scored and one.pair is not None and one.question == this.question:
            found.setdefault(one.pair, store.audits / f"{audit_id}.duckdb")
    return list(found.values())


def read_repeats(paths: Sequence[Path]) -> pd.DataFrame:
    """The metrics tables of several audits, one after the other; unreadable ones are skipped."""
    tables = []
    for path in paths:
        with suppress(UnreadableFile, FileNotFoundError):
            tables.append(read_metrics(path))
    return pd.concat(tables, ignore_index=True)
