"""What a model's input embeddings show about its training, as plain values that audits keep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from enum import StrEnum
from typing import Any


class Doubt(StrEnum):
    """Why unmoved rows prove less than they could, or nothing."""

    FROZEN = "frozen"  # the table was not trained: nothing can be concluded
    TIED = "tied"  # the output layer shares the table, so every row has a gradient
    COUPLED_DECAY = "coupled_decay"  # L2 decay inside Adam moved every row
    NO_GAP = "no_gap"  # moved and unmoved rows are not distinguishable
    COARSE_STORAGE = "coarse_storage"  # small updates may have been rounded away
    RESIZED = "resized"  # tokens were added or removed: rows were matched by token


# An estimate that reaches this value is meaningless.
_NO_BOUND = 1e9
# With one of these, no row is known to be unmoved.
HOPELESS = frozenset({Doubt.FROZEN, Doubt.TIED, Doubt.COUPLED_DECAY, Doubt.NO_GAP})


@dataclass(frozen=True)
class Estimate:
    """A number with a lower and an upper bound; NaN if nothing can be estimated."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class VocabularyFacts:
    """The training vocabulary as numbers.

    problem: why the tables could not be compared, else None. n_tokens, n_moved: ordinary tokens
    that both models know, and how many of them moved. chance_missed: the estimated share of tokens
    that occurred whose row shows nothing. longest_document: in tokens, special ones included; None
    if unknown. n_added: tokens that only the final model knows. n_estimated and its bounds: the
    number of training documents, if they are like the given texts; None if not estimated.
    max_tokens: how many tokens of each text were read, None for all. n_documents, n_possible: texts
    that were checked, and how many of them have no unmoved token; None if there were none.
    """

    problem: str | None = None
    doubts: tuple[Doubt, ...] = ()
    proves_absence: bool = False
    n_tokens: int = 0
    n_moved: int = 0
    chance_missed: float = 0.0
    longest_document: int | None = None
    n_added: int = 0
    n_estimated: float | None = None
    n_estimated_low: float | None = None
    n_estimated_high: float | None = None
    max_tokens: int | None = None
    n_documents: int | None = None
    n_possible: int | None = None

    @property
    def is_assessable(self) -> bool:
        """Whether it is known which rows did not move."""
        return self.problem is None and not HOPELESS & set(self.doubts)

    def with_texts(
        self,
        max_tokens: int | None,
        n_unmoved: Sequence[int],
        estimate: Estimate | None,
    ) -> VocabularyFacts:
        """Adds what it shows about texts: how many unmoved tokens each has, and the estimated
        number of documents with its bounds.
        """
        value, low, high = (
            number if 0 < number < _NO_BOUND else None
            for number in (astuple(estimate) if estimate else (math.nan,) * 3)
        )
        if value is None:
            low = high = None
        return replace(
            self,
            max_tokens=max_tokens,
            n_documents=len(n_unmoved) or None,
            n_possible=sum(not n for n in n_unmoved) if len(n_unmoved) else None,
            n_estimated=value,
            n_estimated_low=low,
            n_estimated_high=high,
        )

    def to_plain(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {**asdict(self), "doubts": [str(doubt) for doubt in self.doubts]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> VocabularyFacts:
        """From what ``to_plain`` returned; other keys are ignored."""
        known = {name: plain[name] for name in cls.__dataclass_fields__ if name in plain}
        return cls(**{**known, "doubts": tuple(Doubt(name) for name in plain.get("doubts", ()))})
