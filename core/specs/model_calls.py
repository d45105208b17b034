"""One question to a model and its answer, as plain values that backends and the journal share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from assay.core.specs.hashing import content_key

# What stands before and after the seed that is said before a prompt.
MARK = ("(No. ", ")\n\n")
# How an answer can finish.
FINISHES = ("stop", "length")


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn; generation ends after ``max_tokens`` or before a ``stop`` string.

    Of the ``top_k`` likeliest tokens (0: all) those that reach ``top_p`` together, of these the
    ones at least ``min_p`` times as likely as the likeliest; then the temperature. Always said,
    since engines' own defaults differ, and with them what they draw. Ours are llama.cpp's: a small
    model has half its probability in tokens that it hardly means.
    """

    max_tokens: int
    temperature: float = 0.9
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    top_k: int = 40
    min_p: float = 0.05


@dataclass(frozen=True)
class Call:
    """One sample of one prompt; equal calls are the same call and are asked once.

    ``is_chat`` puts the prompt into the model's own chat template as the user's only message.
    With a ``continuation`` nothing is drawn: the answer is that text's log-probability after the
    prompt. ``schema`` is a JSON schema that the answer must fit, where the backend honours it.
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

    @property
    def key(self) -> str:
        """SHA-256 (hex) over everything that the answer depends on, besides the model."""
        return content_key(asdict(self))

    def marked(self) -> Call:
        """This call with its seed said before the prompt, so that no other question is alike."""
        before, after = MARK
        return replace(self, prompt=f"{before}{self.seed}{after}{self.prompt}")

    def samples(self, n: int) -> list[Call]:
        """This call and its ``n`` − 1 siblings: the same prompt under the seeds that follow."""
        return [replace(self, sample_index=i, seed=self.seed + i) for i in range(n)]


@dataclass(frozen=True)
class Answer:
    """What a model said, whole.

    ``logprob``: natural logarithm, summed over the answer's tokens (of the continuation, where
    one was scored); None where the backend does not tell. ``finish``: 'stop' or 'length'. What is
    no answer is a ``Refusal``, another type, so that one is never kept as the other.
    """

    text: str
    finish: str
    n_prompt_tokens: int
    n_tokens: int
    duration_s: float
    logprob: float | None = None

    def __post_init__(self) -> None:
        if self.finish not in FINISHES:
            raise ValueError(f"{self.finish!r} is no way for an answer to finish")


@dataclass(frozen=True)
class Refusal:
    """What came instead of an answer. It is counted and reported, and never kept: asked again, the
    question may be answered.

    ``words`` say why, in the backend's own words where it has some; they are bounded and printable.
    ``status`` is the HTTP status where a server said it.
    """

    words: str
    status: int | None = None


def seed_of(*parts: Any) -> int:
    """A seed below 2³¹ − 2¹⁶ (samples count up from it) that depends on ``parts`` alone."""
    return int(content_key(*parts)[:8], 16) % (2**31 - 2**16)
