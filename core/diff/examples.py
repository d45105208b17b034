"""Examples of two runs for the same kind of task on the same topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.diff.decompressions import Run
from assay.core.diff.embedded_names import Embed
from assay.core.diff.topics import Aligned

_Row = Mapping[str, Any]


@dataclass(frozen=True)
class ExamplePair:
    """Two examples of one style and difficulty on one topic, as rows of their tables."""

    topic: tuple[str, ...]
    first: _Row
    second: _Row

    @property
    def is_same(self) -> bool:
        """Whether the two responses are exactly the same text."""
        return bool(self.first["response"] == self.second["response"])


def example_pairs(first: Run, second: Run, aligned: Aligned) -> list[ExamplePair]:
    """Pairs of examples from the two runs, on topics that are in both trees."""
    own, other = _by_topic(first), _by_topic(second)
    return [
        ExamplePair(node.path, one, two)
        for node in first.nodes
        if node.topic_id in aligned.first_to_second
        for one, two in _matched(
            own.get(node.topic_id, []),
            other.get(aligned.first_to_second[node.topic_id].topic_id, []),
        )
    ]


def cosines(pairs: Sequence[ExamplePair], embed: Embed) -> NDArray[np.float64]:
    """How similar the responses of each pair are in meaning, (n)."""
    if not pairs:
        return np.empty(0)
    first, second = (
        embed([row["response"] or " " for row in rows]).astype(float)
        for rows in ([pair.first for pair in pairs], [pair.second for pair in pairs])
    )
    return (first * second).sum(axis=1)


def _by_topic(run: Run) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in run.examples:
        found.setdefault(int(row["topic_id"]), []).append(row)
    return found


def _matched(own: Sequence[_Row], other: Sequence[_Row]) -> Iterator[tuple[_Row, _Row]]:
    """Pairs with the same style and difficulty, and with the same task if there is one."""
    left = list(other)
    # Pairs with the same task first, so that no other pair takes their partner.
    tasks = {_kind(row, with_task=True) for row in other}
    for row in sorted(own, key=lambda row: _kind(row, with_task=True) not in tasks):
        alike = [one for one in left if _kind(one) == _kind(row)]
        if alike:
            partner = min(alike, key=lambda one: one["task"] != row["task"])
            left.remove(partner)
            yield row, partner


def _kind(row: _Row, with_task: bool = False) -> tuple[str, ...]:
    kind = (str(row["style"]), str(row["difficulty"]))
    return (*kind, str(row["task"])) if with_task else kind
