"""Lookups that options need: documents of decompressions, and how a model was trained."""

from __future__ import annotations

from dataclasses import dataclass

from assay.cache.store import Store
from assay.core.specs.data import DECOMPRESSION, DataRef
from assay.core.specs.option_groups import Lookups
from assay.core.specs.training import TrainingSpec


@dataclass(frozen=True)
class StoreLookups(Lookups):
    """Looks things up in a store and in the models' folders."""

    store: Store

    def corpus(
        self, location: str, text_column: str, prompt_column: str | None, sample: int | None
    ) -> DataRef:
        """Any place, or ``decompression:NAME``, the answers of a decompressed model.

        InputError if the store has no such decompression.
        """
        if not location.startswith(DECOMPRESSION):
            return super().corpus(location, text_column, prompt_column, sample)
        from assay.cache.decompressions.as_corpus import SAID, TASK, decompressed_corpus

        file = decompressed_corpus(self.store, location.removeprefix(DECOMPRESSION))
        return DataRef(str(file), SAID, None, sample, TASK if prompt_column else None, location)

    def recorded_training(self, base: str, final: str) -> TrainingSpec | None:
        """What `assay finetune` recorded about the final model."""
        from assay.core.models.resolve import resolve_model
        from assay.core.models.training_record import TrainingRecord

        base_folder = resolve_model(base, self.store.models)
        record = TrainingRecord.read(resolve_model(final, self.store.models, base_folder))
        return record.training if record else None
