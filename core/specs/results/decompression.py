"""What a decompression says about itself, as stored in its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.core.specs.decompression import DecompressionSpec, Prompting
from assay.core.specs.hashing import content_key
from assay.core.specs.plain import from_plain
from assay.core.specs.results.result import Result


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answers. ``sha256`` is over its weights, or over a server's own description."""

    name: str
    sha256: str
    is_weights_hash: bool
    n_parameters: int | None
    backend: str
    # Over whatever else decides its answers, if that is stored with the weights.
    settings_sha256: str | None = None

    @property
    def answers_sha256(self) -> str:
        """Identifies the model's answers: equal only if equal questions get equal answers."""
        if self.settings_sha256 is None:
            return self.sha256
        return content_key(self.sha256, self.settings_sha256)

    @property
    def label(self) -> str:
        """The name, and what distinguishes this model from others of that name."""
        return f"{self.name} ({self.sha256[:12] if self.is_weights_hash else self.backend})"


@dataclass(frozen=True)
class JudgeControl:
    """How often a task's own response was graded more helpful than another's.

    ``low`` and ``high``: 95% interval of the share among those with different grades.
    """

    n_pairs: int
    n_higher: int
    n_lower: int
    low: float
    high: float


@dataclass(frozen=True)
class JudgeFacts:
    """A model that graded examples, and what its grades are worth."""

    name: str
    label: str
    sha256: str
    is_weights_hash: bool
    n_graded: int
    n_unreadable: int
    control: JudgeControl | None
    n_parameters: int | None = None
    backend: str | None = None
    settings_sha256: str | None = None
    prompting: Prompting | None = None
    traits: dict[str, Any] | None = None


@dataclass(frozen=True)
class SupportLines:
    """What made-up topics reach; None if it was not measured."""

    votes: float | None
    contrast: float | None


@dataclass(frozen=True)
class DecompressionCounts:
    n_topics: int
    n_examples: int
    n_flagged: int
    n_calls: int
    n_tokens: int
    n_links: int = 0
    n_unanswered: int = 0


@dataclass(frozen=True)
class DecompressionResult(Result):
    """``traits``: what the backend supports. ``caveats``: what was found about the model."""

    spec: dict[str, Any]
    prompting: Prompting
    model: ModelIdentity
    traits: dict[str, Any]
    judges: tuple[JudgeFacts, ...]
    headline_judge: str
    counts: DecompressionCounts
    support_lines: SupportLines
    unanswered_words: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    # For a copy with more grades: the decompression that it was copied from.
    graded_from: str | None = None

    @property
    def asked(self) -> DecompressionSpec:
        """The spec; InputError if another version of Assay wrote it."""
        return from_plain(DecompressionSpec, self.spec)
