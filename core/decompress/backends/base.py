"""The interface of every backend, whatever runs the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from assay.core.specs.decompression import Prompting
from assay.core.specs.model_calls import Answer, Call, Refusal
from assay.core.specs.results.decompression import ModelIdentity as ModelIdentity


class Scoring(StrEnum):
    """How a backend gives the log-probability of a given text."""

    EXACT = "exact"  # one forward pass
    ECHO = "echo"  # OpenAI's legacy `echo`: the prompt is returned with its log-probabilities
    GRAMMAR = "grammar"  # llama.cpp: a grammar that allows only this text


@dataclass(frozen=True)
class Traits:
    """What a backend supports; anything unsupported is asked for in another way."""

    has_raw_prompts: bool
    has_chat: bool
    honours_schema: bool
    honours_seed: bool
    honours_n: bool
    honours_logprobs: bool
    scoring: Scoring | None
    # top_k and min_p, which OpenAI's own API lacks, can exclude tokens from sampling.
    honours_top_k: bool
    # The same question asked twice gets the earlier answer although seeds differ,
    repeats_answers: bool = False
    # but not if a mark before the prompt distinguishes them (ScalarLM).
    is_told_apart_by_mark: bool = False
    # Parameters that the server rejects. They are left out, so the server's defaults apply; only
    # "max_tokens" has another name there.
    refuses: tuple[str, ...] = ()


# Smaller models answer better in plain lines than in JSON.
_SMALL = 1_000_000_000


def prompting_for(model: ModelIdentity, traits: Traits) -> Prompting:
    """The best way to prompt a model."""
    is_small = model.n_parameters is not None and model.n_parameters < _SMALL
    if traits.has_raw_prompts and (is_small or not traits.has_chat):
        return Prompting.LINES
    return Prompting.JSON


class Backend(Protocol):
    """Answers calls; whoever opened it uses it as a context manager."""

    identity: ModelIdentity
    traits: Traits
    # How many calls to pass at once.
    batch_size: int

    def answer(self, calls: Sequence[Call]) -> Iterator[list[tuple[Call, Answer | Refusal]]]:
        """Every call with its answer or the reason for none, in lists as they arrive, in any order.

        Answers that are yielded together were finished together; a process that is killed before
        loses all of them. AssayError if no answer can be had at all.
        """
        ...

    def close(self) -> None:
        """Free the model, or close the connection."""
        ...
