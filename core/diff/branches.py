"""Branches that both runs were asked about: their support and quality in each run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.diff.decompressions import Key, Question, Run
from assay.core.specs.diff import Quantity


@dataclass(frozen=True)
class Branch:
    """One quantity of one branch, for each run: one value per list (support) or example (quality).

    ``nonsense``: the values for made-up topics' lists in each run; none if not measured, and none
    for quality.
    """

    path: tuple[str, ...]
    quantity: Quantity
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    nonsense: tuple[NDArray[np.float64], NDArray[np.float64]] = (np.empty(0), np.empty(0))


def shared_branches(first: Run, second: Run) -> list[Branch]:
    """Support and quality of every topic below the root that both runs asked subtopics of."""
    return [
        branch
        for key in first.questions
        if key and key in second.questions
        for branch in (_support(key, first, second), *_quality(key, first, second))
    ]


def _support(key: Key, first: Run, second: Run) -> Branch:
    def named(question: Question) -> NDArray[np.float64]:
        return question.best_named(first.spec.expansion_at(len(key)), first.spec.min_votes)

    own, other = first.questions[key], second.questions[key]
    nonsense = [
        np.concatenate([np.empty(0), *(named(question) for question in run.nonsense)])
        for run in (first, second)
    ]
    return Branch(own.path, Quantity.SUPPORT, named(own), named(other), (nonsense[0], nonsense[1]))


def _quality(key: Key, first: Run, second: Run) -> Iterator[Branch]:
    grades = [_grades(key, run) for run in (first, second)]
    if len(grades[0]) and len(grades[1]) and first.judge == second.judge:
        yield Branch(first.questions[key].path, Quantity.QUALITY, grades[0], grades[1])


def _grades(key: Key, run: Run) -> NDArray[np.float64]:
    under = {node.topic_id for node in run.nodes if node.key[: len(key)] == key}
    found = [row["quality"] for row in run.examples if row["topic_id"] in under]
    grades = np.array(found, float)
    return grades[~np.isnan(grades)]
