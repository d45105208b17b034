"""The result of an echo comparison, as stored in its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.core.specs.results.result import Result
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class EchoRow:
    """Both models' answers compared with one set of documents; pairs: final model, base model.

    kind: seed-corpus, reference, held-out, or selection, which has a strategy.
    """

    kind: str
    strategy: Strategy | None
    n_documents: int
    said: float
    control: float
    null_low: float
    null_high: float
    p_value: float
    verbatim: tuple[int, int]
    longest_run: tuple[int, int]
    near_duplicates: tuple[int, int]
    verbatim_p_value: float

    @property
    def lead(self) -> float:
        """By how much the final model's answers are nearer than the base model's."""
        return self.control - self.said


@dataclass(frozen=True)
class EchoResult(Result):
    """One comparison."""

    echo_id: str
    spec: dict[str, Any]
    audit_title: str
    models: tuple[str, ...]
    n_said: int
    n_control: int
    n_shuffles: int
    verbatim_words: int
    targets: tuple[EchoRow, ...]
    caveats: tuple[str, ...]

    @property
    def record_id(self) -> str:
        return self.echo_id
