"""One question to a model and its answer, as plain values that backends and the journal share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from assay.core.specs.hashing import content_key

# Surround the seed that is put before a prompt.
MARK = ("(No. ", ")\n\n")
# How an answer can end.
FINISHES = ("stop", "length")


@dataclass(frozen=True)
class Sampling:
    """How an answer is sampled; generation ends after ``max_tokens`` or before a ``stop`` string.

    Only the ``top_k`` likeliest tokens are kept (0: all), of these the ones that together reach
    ``top_p``, and of these the ones at least ``min_p`` times as likely as the likeliest. Then the
    temperature is applied. All limits are always sent, because engines have different defaults and
    would sample differently. Ours are llama.cpp's: a small model puts half its probability on
    tokens that make little sense.
    """

    max_tokens: int
    temperature: float = 0.9
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    top_k: int = 40
    min_p: float = 0.05


@dataclass(frozen=True)
class Call:
    """One sample of one prompt; equal calls are the same call and are made once.

    ``is_chat`` puts the prompt into the model's own chat template as the user's only message. With
    a ``continuation`` nothing is sampled: the answer is the log-probability of that text after the
    prompt. ``schema`` is a JSON schema that the answer must match, if the backend supports it.
    """

    stage: str
    prompt: str
    sampling: Sampling
    seed: int
    sample_index: int = 0
    attempt: int = 0
    is_chat: bool = False
    schema: dict[str, Any] | None = None
    continuation: str | None = None

    @cached_property
    def key(self) -> str:
        """SHA-256 (hex) over everything that the answer depends on, except the model."""
        return content_key(asdict(self))

    def marked(self) -> Call:
        """This call with its seed written before the prompt, so that no two prompts are equal."""
        before, after = MARK
        return replace(self, prompt=f"{before}{self.seed}{after}{self.prompt}")

    def samples(self, n: int) -> list[Call]:
        """This call and its ``n`` − 1 siblings: the same prompt with the seeds that follow."""
        return [replace(self, sample_index=i, seed=self.seed + i) for i in range(n)]


@dataclass(frozen=True)
class Answer:
    """A model's complete answer.

    ``logprob``: natural logarithm, summed over the answer's tokens (or over the continuation, if
    one was scored); None if the backend does not report it. ``finish``: 'stop' or 'length'. A
    ``Refusal`` has a type of its own, so that it is never stored as an answer.
    """

    text: str
    finish: str
    n_prompt_tokens: int
    n_tokens: int
    duration_s: float
    logprob: float | None = None

    def __post_init__(self) -> None:
        if self.finish not in FINISHES:
            raise ValueError(f"{self.finish!r} is not a finish reason")


@dataclass(frozen=True)
class Refusal:
    """A reply that is not an answer. It is counted and reported but never stored: asked again, the
    question may be answered.

    ``words`` give the reason, in the backend's own words if it has any; they are bounded and
    printable. ``status`` is the HTTP status, if a server sent one.
    """

    words: str
    status: int | None = None


def seed_of(*parts: Any) -> int:
    """A seed below 2³¹ − 2¹⁶ (samples count up from it) that depends only on ``parts``."""
    return int(content_key(*parts)[:8], 16) % (2**31 - 2**16)
