"""What an audit says about itself, as stored in its file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.audit import Assessability, AuditSpec, HeadStart
from assay.core.specs.plain import from_plain
from assay.core.specs.results.result import Result
from assay.core.specs.training import TrainingSpec
from assay.core.specs.vocabulary import VocabularyFacts


@dataclass(frozen=True)
class Assessment:
    """The assessability, its reasons, and hints about training. ValueError without a reason."""

    verdict: Assessability
    reasons: tuple[str, ...]
    hints: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("the assessment has no reason")


@dataclass(frozen=True)
class AuditCounts:
    """Numbers of documents; all 0 if none were read, because the pair cannot be assessed."""

    n_documents: int = 0
    n_duplicates_dropped: int = 0
    n_unscored_dropped: int = 0
    n_rows_skipped: int = 0
    n_reference: int = 0
    n_leaked: int = 0
    n_held_out: int = 0
    n_test: int = 0

    def as_known(self) -> dict[str, int | None]:
        """By name, for people to read. Without a reference set nobody knows which documents were
        trained on, so these numbers are None and not 0."""
        unknown = () if self.n_reference else ("n_reference", "n_leaked", "n_held_out")
        return {**asdict(self), **dict.fromkeys(unknown)}


@dataclass(frozen=True)
class StudentTraining(TrainingSpec):
    """How students were trained, and where that is known from."""

    source: str = ""


@dataclass(frozen=True)
class Projection:
    """What gradients were projected to. ``worth``: dimensions of a dense projection with the same
    error, None if unknown; ``estimates``: each strategy's cosine as the projection has it."""

    dimension: int
    worth: float | None
    estimates: dict[str, float]


@dataclass(frozen=True)
class AuditVocabulary(VocabularyFacts):
    """The training vocabulary, and the tokenizer that a text can be checked with.

    ``reads_last``: whether the model reads a document's last token as input.
    """

    reads_last: bool = True
    tokenizer_folder: str = ""
    tokenizer_sha256: str | None = None


@dataclass(frozen=True)
class ModelFacts:
    """``precision``: of the stored weights."""

    precision: str
    architecture: str | None = None


@dataclass(frozen=True)
class DifferenceFacts:
    """The weight difference as a whole. Changes are Euclidean norms; ``relative_change``: divided
    by the base's; ``scored_part``: the weights whose gradients are taken; ``scored_floor``: the
    change that rounding alone would cause there. ValueError for models without parameters."""

    n_tensors: int
    n_tensors_changed: int
    n_parameters: int
    n_parameters_changed: int
    relative_change: float
    lineage_cosine: float | None
    scored_part: str
    scored_change: float
    scored_floor: float

    def __post_init__(self) -> None:
        if self.n_parameters < 1:
            raise ValueError("n_parameters is below 1")


@dataclass(frozen=True)
class PairFacts:
    """The rows of ``model_facts``."""

    base: ModelFacts
    final: ModelFacts
    difference: DifferenceFacts

    def by_name(self) -> dict[str, Any]:
        """Each fact under the name of its model."""
        return {
            f"{model} {fact}": value
            for model, own in asdict(self).items()
            for fact, value in own.items()
        }


@dataclass(frozen=True)
class AuditResult(Result):
    """``map``: method and parameters of the map, if one was made; ``initial_head``: None in files
    of earlier versions."""

    spec: dict[str, Any]
    label_names: tuple[str, ...]
    assessment: Assessment
    caveats: tuple[str, ...]
    training: StudentTraining
    counts: AuditCounts = AuditCounts()
    initial_head: HeadStart | None = None
    projection: Projection | None = None
    vocabulary: AuditVocabulary | None = None
    map: dict[str, str | int | float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if None in (self.command, self.assay_version) or "packages" not in self.provenance:
            raise ValueError("provenance lacks command, assay_version or packages")

    @cached_property
    def asked(self) -> AuditSpec:
        """The spec; InputError if its options are not those of an audit."""
        spec = from_plain(AuditSpec, self.spec)
        if not spec.strategies:
            raise InputError("at least one strategy", "none", "run the audit again")
        return spec
