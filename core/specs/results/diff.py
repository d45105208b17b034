"""What a diff of two decompressions says about itself, as stored in its file."""

from __future__ import annotations

from dataclasses import dataclass

from assay.core.specs.diff import Change, Quantity
from assay.core.specs.interval import Interval
from assay.core.specs.results.result import Result


@dataclass(frozen=True)
class NoiseFloor:
    """95% of the differences between two runs of one model are at most ``value``.

    This holds with 95% confidence and rests on ``n`` differences; ``is_distribution_free`` if they
    are enough to assume nothing about their distribution.
    """

    value: float
    n: int
    is_distribution_free: bool


@dataclass(frozen=True)
class RunFacts:
    """One of the decompressions; ``line``: the support that made-up topics reach."""

    id: str
    title: str
    seed: int
    model: str
    backend: str
    sha256: str
    is_weights_hash: bool
    n_parameters: int | None
    judge: str
    line: float | None


@dataclass(frozen=True)
class ShareAlone:
    """Topics without a counterpart, compared with those between runs of one model."""

    n_found: int
    n: int
    n_noise_found: int
    n_noise: int
    share: Interval | None = None
    noise: Interval | None = None
    excess: Interval | None = None


@dataclass(frozen=True)
class BranchFacts:
    """``n_noise_significant``: what the same test finds between runs of one model."""

    floor: NoiseFloor | None
    n_noise_significant: int


@dataclass(frozen=True)
class TopicFacts(BranchFacts):
    lost: ShareAlone | None
    gained: ShareAlone | None


@dataclass(frozen=True)
class ExampleFacts:
    """How similar pairs of examples are, and pairs from two runs of one model.

    ``auc``: probability that a pair from two runs of one model is more similar than one from the
    two models.
    """

    n: int
    n_same: int
    median_cosine: float | None
    n_noise: int
    n_noise_same: int
    median_noise_cosine: float | None
    auc: Interval | None


@dataclass(frozen=True)
class DiffCounts:
    """How much was compared, and how much of it is reported."""

    n_questions: int
    n_topics: int
    n_left_out: int
    n_lost: int
    n_gained: int
    n_moved: int
    n_shifted: int
    n_examples_reported: int
    n_gaps: int

    def of(self, change: Change) -> int:
        return int(getattr(self, f"n_{change}"))


@dataclass(frozen=True)
class DiffResult(Result):
    """A and B are ``first`` and ``second``; ``noise``: pairs of runs of one of their models."""

    first: RunFacts
    second: RunFacts
    noise: tuple[tuple[RunFacts, RunFacts], ...]
    topics: TopicFacts
    examples: ExampleFacts
    support: BranchFacts
    quality: BranchFacts
    counts: DiffCounts
    caveats: tuple[str, ...]
    noise_command: str

    def branches(self, quantity: Quantity) -> BranchFacts:
        return self.support if quantity is Quantity.SUPPORT else self.quality
