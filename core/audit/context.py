"""What all stages of an audit work with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from assay.cache.audits.rows import AuditRows, DocumentScores, Roles, StoredDocument
from assay.cache.audits.writer import AuditBuilder
from assay.cache.store import Store
from assay.core.audit.gradient_request import PROJECTION_SEED
from assay.core.audit.gradients_in_bounds import GradientsInBounds
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.engines.engine import Engine, LocalEngine
from assay.core.gradients.features import GradientFeatures
from assay.core.models.examples import TextDocument
from assay.core.runtime.memory import UNBOUNDED, MemoryBound
from assay.core.runtime.progress import Progress
from assay.core.selection.inputs import SelectionInputs
from assay.core.specs.audit import AuditSpec
from assay.core.specs.training import TrainingSpec


@dataclass(frozen=True)
class AuditContext:
    """What is asked, the file being built, the store, where to report progress, and what computes
    documents, and how much memory that may take.

    ``on_disk``: gradients that do not fit into memory. Small values that several stages need are
    read from the file once. The models are not part of it: they are freed as soon as nothing needs
    them.
    """

    question: ResolvedAudit
    builder: AuditBuilder
    store: Store
    progress: Progress
    engine: Engine = field(default_factory=LocalEngine)
    memory: MemoryBound = UNBOUNDED
    on_disk: dict[Any, GradientFeatures] = field(default_factory=dict, compare=False, repr=False)

    @property
    def spec(self) -> AuditSpec:
        return self.question.spec

    @property
    def training(self) -> TrainingSpec:
        """How students are trained."""
        return self.question.training

    @property
    def rows(self) -> AuditRows:
        """The rows written so far."""
        return self.builder.rows

    @cached_property
    def n_documents(self) -> int:
        """The size of the seed corpus; available once it is written."""
        return self.rows.n_documents()

    @cached_property
    def roles(self) -> Roles:
        """The role of every document; available once the seed corpus is written."""
        return self.rows.roles(self.spec.held_out_source)

    @cached_property
    def scores(self) -> DocumentScores:
        """The scores of every document; available once gradients are computed."""
        return self.rows.scores()

    @cached_property
    def gradients(self) -> GradientsInBounds:
        """The documents' gradients as they are stored."""
        return GradientsInBounds(self.builder, self.on_disk, self.memory)

    def features(self) -> GradientFeatures:
        """The documents' gradients as strategies see them.

        Factored and exact for classification unless a projection was asked for; otherwise
        projected.
        """
        dimension = self.spec.projection_dimension
        if dimension is None:
            return self.gradients.last_layers()
        return self.gradients.projected(dimension, PROJECTION_SEED)

    def selection_inputs(self) -> SelectionInputs:
        """What strategies choose by."""
        return SelectionInputs(
            self.features(),
            self.scores.pseudolabels,
            self.scores.base_losses,
            self.rows.own_scores(),
            self.gradients.at_embeddings(),
        )

    def documents(self, first: int, n: int) -> list[TextDocument]:
        """``n`` documents of the seed corpus starting at number ``first``, without labels."""
        return [text_document(stored) for stored in self.rows.documents(first, n)]

    @contextmanager
    def stage(
        self,
        name: str,
        n_units: int,
        committed_as: str | None = None,
        in_parts: Sequence[str] = (),
    ) -> Iterator[None]:
        """Show a stage and commit what it writes.

        ``committed_as``: its name in the file, if that is different; ``in_parts``: see
        ``FileBuilder.stage``.
        """
        committed = self.builder.stage(committed_as or name, in_parts=in_parts)
        with self.progress.stage(name, n_units), committed:
            yield


def text_document(stored: StoredDocument) -> TextDocument:
    """A document of the file in the form that models read."""
    return TextDocument(stored.text, stored.label, stored.n_prompt_characters)
