"""Aligns two runs and counts, before any significance is computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.diff.branches import Branch, shared_branches
from assay.core.diff.decompressions import Run
from assay.core.diff.embedded_names import Embed, Names
from assay.core.diff.examples import ExamplePair, cosines, example_pairs
from assay.core.diff.topics import NamedTopic, aligned_nodes, n_alone, named_topics


@dataclass(frozen=True)
class Compared:
    """``lost``, ``gained``: topics of one tree without a counterpart, and of how many."""

    first: Run
    second: Run
    topics: Sequence[NamedTopic]
    n_left_out: int
    lost: tuple[int, int]
    gained: tuple[int, int]
    examples: Sequence[ExamplePair]
    cosines: NDArray[np.float64]
    branches: Sequence[Branch]

    @property
    def n_questions(self) -> int:
        """How many topics both runs were asked to expand, including the root."""
        return len(self.first.questions.keys() & self.second.questions.keys())


def compare(first: Run, second: Run, names: Names, embed: Embed) -> Compared:
    """Align two runs and count."""
    aligned = aligned_nodes(first, second, names)
    topics, n_left_out = named_topics(first, second, aligned, names)
    pairs = example_pairs(first, second, aligned)
    return Compared(
        first,
        second,
        topics,
        n_left_out,
        n_alone(first, second, aligned.first_to_second),
        n_alone(second, first, aligned.second_to_first),
        pairs,
        cosines(pairs, embed),
        shared_branches(first, second),
    )
