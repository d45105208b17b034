"""An experiment's file while it is being built."""

from __future__ import annotations

from cache.builder import FileBuilder
from cache.experiment_schema import EXPERIMENT_SCHEMA_VERSION, EXPERIMENT_TABLES
from cache.home import Store


class ExperimentBuilder(FileBuilder):
    """Writes one experiment's file, a stage a cell."""

    def __init__(self, store: Store, experiment_id: str) -> None:
        super().__init__(
            store, experiment_id, EXPERIMENT_TABLES, EXPERIMENT_SCHEMA_VERSION, store.experiments
        )
        self.experiment_id = experiment_id
