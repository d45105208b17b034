"""Audits that ask the same with another seed, each of a final model of its own."""

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
    """The audit itself, and those of other final models that ask the same but for the seed.

    One of each final model, the newest; none that could not be assessed.
    """
    audits = {one.audit_id: one for one in list_audits(store)}
    this = audits.get(path.stem)
    if this is None or this.problem:  # a file from elsewhere, or a broken one
        return [path]
    found = {this.pair: path}
    for audit_id, one in audits.items():
        is_scored = one.assessability not in (None, Assessability.NOT_ASSESSABLE)
        if is_scored and one.pair is not None and one.question == this.question:
            found.setdefault(one.pair, store.audits / f"{audit_id}.duckdb")
    return list(found.values())


def read_repeats(paths: Sequence[Path]) -> pd.DataFrame:
    """The metrics tables of several audits, one below the other; of those that can be read."""
    tables = []
    for path in paths:
        with suppress(UnreadableFile, FileNotFoundError):
            tables.append(read_metrics(path))
    return pd.concat(tables, ignore_index=True)
