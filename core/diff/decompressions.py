"""A sealed decompression in the form that comparisons need: its topics, lists and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.cache.decompressions.answers import ListAnswer, read_list_answers, read_tree
from assay.cache.decompressions.read import (
    ExampleFilter,
    decompression_path,
    read_decompression,
    read_examples,
    summary_of,
)
from assay.cache.files.database import kept_open
from assay.cache.store import Store
from assay.core.decompress import prompts
from assay.core.decompress.parsing import read_names
from assay.core.decompress.topic_names import normal_form
from assay.core.decompress.tree.expansion import count_votes, list_prompt
from assay.core.decompress.tree.made_up_names import nonsense_words
from assay.core.decompress.tree.support import N_NONSENSE_TOPICS
from assay.core.errors import InputError
from assay.core.specs.decompression import DecompressionSpec, Prompting
from assay.core.specs.results.decompression import DecompressionResult

# The normal forms of a topic's path: equal if two runs were asked about the same topic.
Key = tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """A topic of the tree, below the root."""

    topic_id: int
    name: str
    path: tuple[str, ...]

    @cached_property
    def form(self) -> str:
        return normal_form(self.name)

    @cached_property
    def key(self) -> Key:
        return key_of(self.path)


@dataclass(frozen=True)
class Question:
    """One expanded topic: the normal forms in each list, and every form's votes."""

    path: tuple[str, ...]
    lists: tuple[frozenset[str], ...]
    # By normal form, the most frequent first: its most frequent spelling, and in how many lists it
    # is.
    votes: Mapping[str, tuple[str, int]]
    texts: tuple[str, ...]

    def n_votes(self, form: str) -> int:
        """How many lists contain a normal form."""
        return self.votes[form][1] if form in self.votes else 0

    def spelling(self, form: str) -> str:
        """The most frequent spelling of a form here; "" if it is in no list."""
        return self.votes[form][0] if form in self.votes else ""

    def n_naming(self, wordings: Sequence[str]) -> int:
        """How many lists contain any of some forms."""
        return sum(not one.isdisjoint(wordings) for one in self.lists)

    def best_named(self, n_places: int, min_votes: int) -> NDArray[np.float64]:
        """For each list, (lists): the share of the question's best-supported topics that it names.

        The mean over lists is the mean support of those topics; if there are fewer topics, the rest
        count as 0.
        """
        enough = [form for form, (_, n) in self.votes.items() if n >= min_votes]
        best = set(enough[:n_places])
        return np.array([len(one & best) / n_places for one in self.lists])


@dataclass(frozen=True)
class Run:
    """One decompression, read as a whole."""

    name: str
    path: Path
    meta: DecompressionResult
    spec: DecompressionSpec
    nodes: Sequence[Node]
    questions: Mapping[Key, Question]
    # Made-up topics, asked about in the same way; none if the budget did not allow it.
    nonsense: Sequence[Question]
    examples: Sequence[Mapping[str, Any]]

    @property
    def model_sha256(self) -> str:
        return self.meta.model.sha256

    @property
    def line(self) -> float | None:
        """The support that subtopics of made-up topics reach; None if it was not measured."""
        return self.meta.support_lines.votes

    @property
    def judge(self) -> str:
        """Who graded the examples: only grades by the same judge can be compared."""
        return self.meta.headline_judge

    @cached_property
    def by_form(self) -> Mapping[str, Node]:
        """Each topic is in a tree once, however many links lead to it."""
        return {node.form: node for node in self.nodes}


def key_of(path: Sequence[str]) -> Key:
    """A key that is equal for two paths with the same topics."""
    return tuple(normal_form(name) for name in path)


def find_run(store: Store, name: str) -> Path:
    """The file of a decompression, by its name in the store or its path.

    InputError if it does not exist or cannot be read.
    """
    path = Path(name).expanduser()
    if path.suffix != ".duckdb":
        path = decompression_path(store, name)
    elif not path.is_file():
        raise InputError(
            "the file of a decompression", f"{name!r}, which is not one", "choose another"
        )
    summary = summary_of(path)
    if summary.problem:
        raise InputError(
            "a readable decompression",
            f"{name!r} ({summary.problem})",
            "decompress the model again",
        )
    return path


@kept_open()
def read_run(path: Path) -> Run:
    """One whole decompression; InputError if its prompts were worded differently."""
    meta = read_decompression(path)
    spec = meta.asked
    paths: dict[int, tuple[str, ...]] = {}
    nodes: list[Node] = []
    asked: list[tuple[str, ...]] = []
    for topic in read_tree(path):  # parents come first
        above = topic.parent_id
        paths[topic.topic_id] = () if above is None else (*paths[above], topic.name)
        if above is not None:
            nodes.append(Node(topic.topic_id, topic.name, paths[topic.topic_id]))
        if topic.is_expanded:
            asked.append(paths[topic.topic_id])
    prompting = meta.prompting
    answers: dict[str, list[ListAnswer]] = {}
    for row in read_list_answers(path):
        answers.setdefault(row.prompt, []).append(row)
    questions = [_question(of, answers, spec, prompting) for of in asked]
    if None in questions:
        raise InputError(
            "decompressions made with this version's prompts",
            f"{path.stem}, made with another version's",
            "decompress the model again",
        )
    made_up = [(word,) for word in nonsense_words(N_NONSENSE_TOPICS, spec.seed)]
    nonsense = [_question(of, answers, spec, prompting) for of in made_up]
    examples = read_examples(path, ExampleFilter(), 2**31).rows.to_dict("records")
    return Run(
        path.stem,
        path,
        meta,
        spec,
        nodes,
        # Counts from fewer lists cannot be compared with counts from all.
        {
            key_of(question.path): question
            for question in questions
            if question and len(question.lists) == spec.n_samples
        },
        [question for question in nonsense if question],
        examples,
    )


def _question(
    of: tuple[str, ...],
    answers: Mapping[str, Sequence[ListAnswer]],
    spec: DecompressionSpec,
    prompting: Prompting,
) -> Question | None:
    """The answers to one question; None if it was not asked, or was worded differently."""
    is_json = prompting is Prompting.JSON
    own = answers.get(list_prompt(of, spec, prompting))
    if own is None:
        return None
    lists = [_names(row, is_json) for row in own]
    votes = {
        normal_form(name): (name, n)
        for name, n in count_votes(lists, of[-1] if of else prompts.ROOT_NAME)
    }
    forms = tuple(frozenset(map(normal_form, names)) & votes.keys() for names in lists)
    return Question(of, forms, votes, tuple(row.text for row in own))


def _names(answer: ListAnswer, is_json: bool) -> list[str]:
    is_cut = answer.finish == "length"
    return read_names(answer.text, is_json, is_enforced=False, is_cut=is_cut)[0]
