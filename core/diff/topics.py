"""Topics of two runs, matched, with the votes of each for the same question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assay.core.diff.decompressions import Key, Node, Question, Run
from assay.core.diff.embedded_names import Names
from assay.core.specs.diff import Change
from assay.core.stats.vote_test import could_differ

_FEWEST_VOTES = 2


@dataclass(frozen=True)
class Aligned:
    """The nodes of two trees, matched by topic_id."""

    first_to_second: Mapping[int, Node]
    second_to_first: Mapping[int, Node]


@dataclass(frozen=True)
class NamedTopic:
    """A topic in two runs' answers to one question; its name is "" in a run that lacks it.

    ``elsewhere``: where the run that does not name it here has it instead.
    """

    question: tuple[str, ...]
    first_name: str
    second_name: str
    first_votes: int
    second_votes: int
    change: Change
    elsewhere: tuple[str, ...] | None


def aligned_nodes(first: Run, second: Run, names: Names) -> Aligned:
    """Match the nodes of two trees, wherever they are in them."""
    pairs = names.align(
        {node.form: node.name for node in first.nodes},
        {node.form: node.name for node in second.nodes},
    )
    nodes = [(first.nodes[pair.first], second.nodes[pair.second]) for pair in pairs]
    return Aligned(
        {one.topic_id: other for one, other in nodes},
        {other.topic_id: one for one, other in nodes},
    )


def n_alone(of: Run, other: Run, counterparts: Mapping[int, Node]) -> tuple[int, int]:
    """How many nodes have no counterpart, among those that the other run could have found.

    It could have found nodes under any topic that it was asked about too.
    """
    asked = [node for node in of.nodes if node.key[:-1] in other.questions]
    return sum(node.topic_id not in counterparts for node in asked), len(asked)


def named_topics(
    first: Run, second: Run, aligned: Aligned, names: Names
) -> tuple[list[NamedTopic], int]:
    """Topics under every question that both were asked, and how many more were left out.

    Topics are left out if both runs together name them too rarely for any difference to be
    significant.
    """
    found = [
        topic
        for key in first.questions
        if key in second.questions
        for topic in _under(key, first, second, aligned, names)
    ]
    votes = np.array([(t.first_votes, t.second_votes) for t in found], np.int64).reshape(-1, 2)
    could = could_differ(votes[:, 0], votes[:, 1], first.spec.n_samples)
    kept = [topic for topic, is_kept in zip(found, could, strict=True) if is_kept]
    return kept, len(found) - len(kept)


def _under(
    key: Key, first: Run, second: Run, aligned: Aligned, names: Names
) -> Iterable[NamedTopic]:
    """Topics are grouped over both runs' lists together, regardless of which run named what."""
    own, other = first.questions[key], second.questions[key]
    totals = {
        form: own.n_votes(form) + other.n_votes(form) for form in {**own.votes, **other.votes}
    }
    forms = [form for form, n in totals.items() if n >= _FEWEST_VOTES]
    forms.sort(key=lambda form: (-totals[form], form))
    spelt = [own.spelling(form) or other.spelling(form) for form in forms]
    for group in names.gather(spelt):
        wordings = [forms[at] for at in group]
        first_votes, second_votes = own.n_naming(wordings), other.n_naming(wordings)
        if max(first_votes, second_votes) < first.spec.min_votes:
            continue
        change, elsewhere = _change(wordings, first_votes, second_votes, first, second, aligned)
        yield NamedTopic(
            own.path,
            _commonest(wordings, own),
            _commonest(wordings, other),
            first_votes,
            second_votes,
            change,
            elsewhere,
        )


def _change(
    wordings: Sequence[str],
    first_votes: int,
    second_votes: int,
    first: Run,
    second: Run,
    aligned: Aligned,
) -> tuple[Change, tuple[str, ...] | None]:
    if min(first_votes, second_votes) >= first.spec.min_votes:
        return Change.SHIFTED, None
    if second_votes < first_votes:
        elsewhere = _elsewhere(wordings, first, second, aligned.first_to_second)
        return (Change.MOVED if elsewhere else Change.LOST), elsewhere
    elsewhere = _elsewhere(wordings, second, first, aligned.second_to_first)
    return (Change.MOVED if elsewhere else Change.GAINED), elsewhere


def _elsewhere(
    wordings: Sequence[str], present: Run, absent: Run, counterparts: Mapping[int, Node]
) -> tuple[str, ...] | None:
    """The path of a topic in the tree of the run that does not name it here."""
    own = [present.by_form[form] for form in wordings if form in present.by_form]
    found = [absent.by_form[form] for form in wordings if form in absent.by_form]
    found += [counterparts[node.topic_id] for node in own if node.topic_id in counterparts]
    return found[0].path if found else None


def _commonest(wordings: Sequence[str], question: Question) -> str:
    most = max(wordings, key=question.n_votes)
    return question.spelling(most)
