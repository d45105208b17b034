"""Experiments in the store, and their measurements."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assay.cache.experiments.schema import EXPERIMENT_SCHEMA_VERSION, EXPERIMENT_TABLES
from assay.cache.files.builder import FileBuilder
from assay.cache.files.database import open_to_read
from assay.cache.files.listing import Stamp, readable, remembered
from assay.cache.files.sealed import read_result
from assay.cache.store import Store
from assay.core.specs.results.experiment import ExperimentResult


@dataclass(frozen=True)
class ExperimentSummary:
    """A complete experiment: its file, its facts, and the audits that are its cells."""

    experiment_id: str
    path: Path
    meta: ExperimentResult
    audit_ids: frozenset[str]


def list_experiments(store: Store, recipe: str | None = None) -> list[ExperimentSummary]:
    """The readable experiments of a recipe, or of all, newest first."""
    found = readable(store.experiments, _known_summary)
    known = [one for one in found if recipe in (None, one.meta.recipe)]
    return sorted(known, key=lambda summary: summary.meta.created_at, reverse=True)


def read_measurements(path: Path) -> pd.DataFrame:
    """The measurements table, as stored."""
    with open_to_read(path) as connection:
        return connection.execute("SELECT * FROM measurements ORDER BY ALL").df()


@remembered
def _known_summary(path: Path, stamp: Stamp) -> ExperimentSummary:
    meta = read_result(path, ExperimentResult)
    with open_to_read(path) as connection:
        cells = connection.execute("SELECT DISTINCT audit_id FROM measurements").fetchall()
    return ExperimentSummary(path.stem, path, meta, frozenset(row[0] for row in cells))


class ExperimentBuilder(FileBuilder):
    """Writes one experiment's file; each cell is a stage."""

    def __init__(self, store: Store, experiment_id: str) -> None:
        super().__init__(
            store, experiment_id, EXPERIMENT_TABLES, EXPERIMENT_SCHEMA_VERSION, store.experiments
        )
        self.experiment_id = experiment_id
