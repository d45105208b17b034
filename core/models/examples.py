"""What models are trained and evaluated on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextDocument:
    """A text with its label (classification), or with a prompt that is read but not scored (SFT).

    ``n_prompt_characters``: the length of the prompt at the beginning of ``text``.
    """

    text: str
    label: int | None = None
    n_prompt_characters: int = 0


@dataclass(frozen=True)
class Example:
    """A document as token ids; scored on ``label``, or on the tokens from ``first_target`` on."""

    token_ids: list[int]
    label: int | None = None
    first_target: int = 1

    @property
    def n_next_tokens(self) -> int:
        """How many tokens a language model is scored on; never a document's first token."""
        return max(0, len(self.token_ids) - self.first_target)


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for n documents.

    losses (n, float64): nats, summed over a document's targets, NaN if the target is unknown;
    n_targets (n, int64); choices (Σ n_targets, int64): the likeliest answer at each target, one
    document after another.
    """

    losses: NDArray[np.float64]
    n_targets: NDArray[np.int64]
    choices: NDArray[np.int64]

    def of_documents(self, values: NDArray) -> NDArray[np.float64]:
        """Sums of a value per target over each document's targets, (n)."""
        ends = np.cumsum(self.n_targets)
        sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        return sums[ends] - sums[ends - self.n_targets]
