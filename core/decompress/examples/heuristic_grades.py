"""Quality on five axes without a judge: a heuristic from the text alone, and named so."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.decompress.examples.generation import Example
from assay.core.decompress.examples.quality_flags import repetition
from assay.core.similarity.words import n_words
from assay.core.specs.decompression import BEST_GRADE, HEURISTIC_JUDGE, Axis

_SENTENCE = re.compile(r"[.!?]+(?:\s|$)|[。！？]+")


@dataclass(frozen=True)
class Grade:
    """One example on one axis, 0 to 4, and the judge; None if the judge cannot tell.

    ``call_key``: the answer from which a judge model's grade was read.
    """

    example_id: int
    axis: Axis
    score: float | None
    judge: str
    call_key: str | None = None


def heuristic_grades(
    examples: Sequence[Example], embed: Callable[[Sequence[str]], NDArray[np.float32]]
) -> list[Grade]:
    """Grades from the text alone; correctness is left out, because a text does not show its own.

    helpfulness: cosine of the response's embedding with the task's; coherence: how little it
    repeats itself, halved if it was cut; complexity: words per sentence; verbosity: its length.
    """
    if not examples:
        return []
    tasks = embed([example.task for example in examples])
    responses = embed([example.response or " " for example in examples])
    closeness = (tasks * responses).sum(axis=1)
    return [
        Grade(example.example_id, axis, score, HEURISTIC_JUDGE)
        for example, cosine in zip(examples, closeness.tolist(), strict=True)
        for axis, score in _grades(example, cosine).items()
    ]


def _grades(example: Example, cosine: float) -> dict[Axis, float | None]:
    length = n_words(example.response)
    n_sentences = max(1, len(_SENTENCE.findall(example.response)))
    coherence = (1 - repetition(example.response)) * (0.5 if example.is_cut else 1.0)
    return {
        Axis.HELPFULNESS: _scaled(cosine, 0.2, 0.8),
        Axis.CORRECTNESS: None,
        Axis.COHERENCE: BEST_GRADE * coherence if length else 0.0,
        Axis.COMPLEXITY: _scaled(length / n_sentences, 5, 25),
        Axis.VERBOSITY: _scaled(math.log2(max(length, 1)), 2, 9),
    }


def _scaled(value: float, worst: float, best: float) -> float:
    """``value`` on the line from ``worst`` (0) to ``best`` (4), clipped."""
    return BEST_GRADE * min(1.0, max(0.0, (value - worst) / (best - worst)))
