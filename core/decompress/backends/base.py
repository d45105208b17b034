"""What every backend offers, whatever runs the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from assay.core.specs.decompression import Prompting
from assay.core.specs.model_calls import Answer, Call, Refusal
from assay.core.specs.results.decompression import ModelIdentity as ModelIdentity


class Scoring(StrEnum):
    """How a backend gives the log-probability of a text it did not choose."""

    EXACT = "exact"  # one forward pass
    ECHO = "echo"  # OpenAI's legacy `echo`: the prompt comes back with its log-probabilities
    GRAMMAR = "grammar"  # llama.cpp: a grammar that allows this one text


@dataclass(frozen=True)
class Traits:
    """What a backend was found to honour; whatever it drops is asked for in another way."""

    has_raw_prompts: bool
    has_chat: bool
    honours_schema: bool
    honours_seed: bool
    honours_n: bool
    honours_logprobs: bool
    scoring: Scoring | None
    # Tokens can be kept out of the draw by top_k and min_p, which OpenAI's own dialect lacks.
    honours_top_k: bool
    # The same question asked twice gets the earlier answer although seeds differ,
    repeats_answers: bool = False
    # but not where a mark before the prompt tells them apart (ScalarLM).
    is_told_apart_by_mark: bool = False
    # Parameters that the server refuses. They are left out; what was asked for with them is then
    # the server's own choice, but for "max_tokens", which has another name there.
    refuses: tuple[str, ...] = ()


# Models smaller than this answer better in plain lines than in JSON.
_SMALL = 1_000_000_000


def prompting_for(model: ModelIdentity, traits: Traits) -> Prompting:
    """How a model is best asked."""
    is_small = model.n_parameters is not None and model.n_parameters < _SMALL
    if traits.has_raw_prompts and (is_small or not traits.has_chat):
        return Prompting.LINES
    return Prompting.JSON


class Backend(Protocol):
    """Answers calls; used as a context manager by whoever opened it."""

    identity: ModelIdentity
    traits: Traits
    # How many calls are worth handing over at once.
    batch_size: int

    def answer(self, calls: Sequence[Call]) -> Iterator[list[tuple[Call, Answer | Refusal]]]:
        """Every call with its answer or why there is none, in lists as they come, in any order.

        What is yielded together was finished together: a process killed before loses it together.
        AssayError where no answer can be had at all.
        """
        ...

    def close(self) -> None:
        """Let go of the model or the connection."""
        ...
