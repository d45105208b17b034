"""Topics as they are found: one node per topic, however often it is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.core.decompress.topic_names import normal_form
from assay.core.specs.decompression import Stop


@dataclass
class Topic:
    """One node of the tree. The root has level 0, no parent and no votes."""

    topic_id: int
    parent_id: int | None
    name: str
    level: int
    n_votes: int = 0
    n_samples: int = 0
    # From its own expansion: names with enough votes that were examined until enough were new, and
    # those that were not topics before. None if it was not expanded.
    n_seen: int | None = None
    n_new: int | None = None
    stop: Stop | None = None
    # By how many nats per token the name is likelier under its path than under a generic one; None
    # if the backend gives no log-probabilities.
    contrast: float | None = None
    # 95% interval of the share of lists that name it.
    support_low: float | None = None
    support_high: float | None = None


@dataclass(frozen=True)
class Link:
    """A topic that is reached again, under another parent or another name.

    ``cosine`` is None if the names have the same normal form.
    """

    parent_id: int
    topic_id: int
    name: str
    n_votes: int
    cosine: float | None


@dataclass
class TopicTree:
    """All topics in the order they were found; ``embed`` gives unit vectors of names."""

    embed: Callable[[Sequence[str]], NDArray[np.float32]]
    merge_cosine: float
    root_name: str
    topics: list[Topic] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topics.append(Topic(0, None, self.root_name, 0))
        self._by_form = {normal_form(self.root_name): 0}
        self._vectors = self.embed([self.root_name])

    def add(
        self, parent: Topic, votes: Sequence[tuple[str, int]], n_samples: int, n_most: int
    ) -> list[Topic]:
        """Add the first ``n_most`` new names of ``votes`` as topics, and return these.

        A name that is already known, by its normal form or by its embedding, becomes a link
        instead.
        """
        vectors = self.embed([name for name, _ in votes]) if votes else np.empty((0, 0))
        new: list[Topic] = []
        n_seen = 0
        for (name, n_votes), vector in zip(votes, vectors, strict=True):
            if len(new) == n_most:
                break
            n_seen += 1
            known = self._known(name, vector)
            if known is not None:
                topic_id, cosine = known
                if topic_id not in self._ancestors(parent):
                    self.links.append(Link(parent.topic_id, topic_id, name, n_votes, cosine))
                continue
            topic = Topic(
                len(self.topics), parent.topic_id, name, parent.level + 1, n_votes, n_samples
            )
            self.topics.append(topic)
            self._by_form[normal_form(name)] = topic.topic_id
            self._vectors = np.vstack([self._vectors, vector])
            new.append(topic)
        parent.n_seen, parent.n_new = n_seen, len(new)
        return new

    def path(self, topic: Topic) -> tuple[str, ...]:
        """Names from the top-level topic down to this one; () for the root."""
        if topic.parent_id is None:
            return ()
        return (*self.path(self.topics[topic.parent_id]), topic.name)

    def branch(self, topic: Topic) -> int:
        """The top-level topic that contains the topic; the root is its own branch."""
        while topic.level > 1:
            assert topic.parent_id is not None
            topic = self.topics[topic.parent_id]
        return topic.topic_id

    def _known(self, name: str, vector: NDArray[np.float32]) -> tuple[int, float | None] | None:
        same = self._by_form.get(normal_form(name))
        if same is not None:
            return same, None
        cosines = self._vectors @ vector
        nearest = int(cosines.argmax())
        if cosines[nearest] >= self.merge_cosine:
            return nearest, float(cosines[nearest])
        return None

    def _ancestors(self, topic: Topic) -> set[int]:
        found = {topic.topic_id}
        while topic.parent_id is not None:
            topic = self.topics[topic.parent_id]
            found.add(topic.topic_id)
        return found
