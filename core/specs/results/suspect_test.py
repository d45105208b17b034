"""The result of a suspect test, as stored in its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.core.specs.interval import Interval
from assay.core.specs.plain import from_plain
from assay.core.specs.results.result import Result
from assay.core.specs.suspect import SuspectSpec


@dataclass(frozen=True)
class SetCheck(Interval):
    """Whether the two sets differ where they should not; the AUC, where 0.5 means alike."""

    name: str
    is_apart: bool
    is_refusal: bool


@dataclass(frozen=True)
class ScorePart(Interval):
    """The AUC of one part of the combined score."""

    name: str
    p_value: float


@dataclass(frozen=True)
class PValuesByPart:
    """The p-values that the test's own is made of: of the mean and of the highest scores."""

    mean: float
    highest: float


@dataclass(frozen=True)
class ScoresBySet:
    """The combined score of every document."""

    suspects: tuple[float, ...]
    controls: tuple[float, ...]


@dataclass(frozen=True)
class HashesBySet:
    """The hash of every document's text, in the order of the scores."""

    suspects: tuple[str, ...]
    controls: tuple[str, ...]


@dataclass(frozen=True)
class RuledOut:
    """How many documents of each set cannot have been trained on."""

    suspects: int
    controls: int


@dataclass(frozen=True)
class SuspectResult(Result):
    """One test. If it is refused, it has no p-value, AUC, components or scores.

    ``declared``: the scores that are combined. ``constant``: those of them that are the same for
    all documents. ``ruled_out``:
    None where the input embeddings prove no absence. ``n_at_least``: the lower end of a one-sided
    95% interval of the number of suspects that were trained on. Records of earlier versions do not
    name their documents, and their tests compared only the means: they have no ``p_values`` by
    part.
    """

    test_id: str
    spec: dict[str, Any]
    n_suspects: int
    n_controls: int
    n_dropped: int
    n_shuffles: int
    declared: tuple[str, ...]
    caveats: tuple[str, ...]
    checks: tuple[SetCheck, ...]
    is_refused: bool
    p_value: float | None
    auc: Interval | None
    components: tuple[ScorePart, ...]
    scores: ScoresBySet | None
    documents: HashesBySet | None = None
    constant: tuple[str, ...] = ()
    ruled_out: RuledOut | None = None
    p_values: PValuesByPart | None = None
    n_at_least: int | None = None

    @property
    def record_id(self) -> str:
        return self.test_id

    @property
    def asked(self) -> SuspectSpec:
        """The spec; InputError if another version of Assay wrote it."""
        return from_plain(SuspectSpec, self.spec)
