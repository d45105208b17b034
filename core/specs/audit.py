"""What an audit asks, in plain values that the core, the store and the pages all share.

Nothing here imports anything but the standard library, so pages may use it freely.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from assay.core.specs.data import DataRef, Task
from assay.core.specs.hashing import canonical_json
from assay.core.specs.strategies import Strategy
from assay.core.specs.training import TrainingSpec


class Assessability(StrEnum):
    """What the weights allow to be said; decided before any score."""

    ASSESSABLE = "assessable"
    LIMITED = "limited"
    NOT_ASSESSABLE = "not assessable"


class GradientLayers(StrEnum):
    """Of which layers gradients are taken."""

    LAST_LAYER = "last-layer"
    LAST_BLOCK = "last-block"
    CHANGED = "changed"

    @property
    def shown_as(self) -> str:
        """The name in sentences."""
        return {
            GradientLayers.LAST_LAYER: "the last layer",
            GradientLayers.LAST_BLOCK: "the last block",
            GradientLayers.CHANGED: "the layers that changed",
        }[self]


@dataclass(frozen=True)
class SuspectSpec:
    """Documents an owner believes were used, and others like them that were not, before one pair.

    ``max_tokens`` None takes what `assay finetune` recorded, else the default.
    """

    base: str
    final: str
    suspects: DataRef
    controls: DataRef
    task: Task = Task.CLASSIFICATION
    label_words: tuple[str, ...] | None = None
    response_template: str | None = None
    max_tokens: int | None = None
    seed: int = 0
    title: str = ""


@dataclass(frozen=True)
class TitrationSpec:
    """The grid of a titration: every share × budget × seed, with every strategy of the audit.

    A share is of the trained documents; a seed draws which of them are in the pool, and is the
    random strategy's too.
    """

    leaked_shares: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    budgets: tuple[int, ...] = (500,)
    n_seeds: int = 3


@dataclass(frozen=True)
class CorporaSpec:
    """Which of several corpora explains the difference; each is a source of the seed corpus.

    ``n_students``: models trained on half of each corpus, which say what the true one would reach.
    """

    n_students: int = 2


@dataclass(frozen=True)
class AuditSpec:
    """One question asked of one model pair.

    With ``titration`` the seed corpus is the reference set, held-out documents and others, each
    under the name of its ``Role``.
    """

    base: str
    final: str
    seed_corpus: tuple[DataRef, ...]
    # Keep this many candidates at random, drawn from all corpora together; None keeps all.
    n_candidates: int | None = None
    task: Task = Task.CLASSIFICATION
    budget: int = 500
    strategies: tuple[Strategy, ...] = tuple(Strategy)
    reference: DataRef | None = None
    test: DataRef | None = None
    # The name of the seed corpus' source that holds documents drawn like the reference set but
    # never trained on; with it, domain and membership are told apart.
    held_out_source: str | None = None
    label_words: tuple[str, ...] | None = None
    # How students are trained; None repeats what `assay finetune` recorded, else the defaults.
    training: TrainingSpec | None = None
    # At most; 0 trains no students.
    n_student_epochs: int = 10
    # Hold a tenth of a selection back, stop when it is predicted no better, keep the best epoch;
    # else train on the whole selection for all epochs.
    is_stopping_early: bool = True
    n_checkpoints: int = 1
    # Inner products between gradients are estimated from a projection to this many dimensions;
    # None is exact for the last layer of a classifier and 4,096 otherwise.
    projection_dimension: int | None = None
    # The last layer's gradients are exact and cheap; inner ones serve a pair whose last layer stood
    # still, as with an adapter.
    gradient_layers: GradientLayers = GradientLayers.LAST_LAYER
    # Lay pool and reference set out in one plane, which takes UMAP a minute for 10,000 documents.
    is_mapped: bool = True
    # SFT: where the response begins in a document's text; only what follows is scored.
    response_template: str | None = None
    seed: int = 0
    title: str = ""
    titration: TitrationSpec | None = None
    corpora: CorporaSpec | None = None


def to_plain(spec: AuditSpec | TrainingSpec | DataRef | SuspectSpec) -> dict[str, Any]:
    """A spec as JSON-ready values."""
    plain: dict[str, Any] = json.loads(canonical_json(asdict(spec)))
    return plain
