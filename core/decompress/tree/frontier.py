"""Which topic is expanded next: one queue for the whole tree, fair to its branches."""

from __future__ import annotations

from collections import Counter

from assay.core.decompress.tree.tree import Topic, TopicTree
from assay.core.specs.decompression import Stop


class Frontier:
    """Topics that wait to be expanded.

    The next one is from the branch with the fewest expansions so far; within it the shallowest,
    then the best supported, then the first found. So no branch uses up the budget of the others.
    """

    def __init__(self, tree: TopicTree, branch_quota: int | None) -> None:
        self._tree, self._quota = tree, branch_quota
        self._waiting: list[Topic] = []
        self._n_expanded: Counter[int] = Counter()

    def push(self, topic: Topic) -> None:
        """Add a topic that waits for its expansion."""
        self._waiting.append(topic)

    def pop(self) -> Topic | None:
        """The next topic; None if none waits. Topics beyond their branch's quota are stopped."""
        while self._waiting:
            topic = min(self._waiting, key=self._order)
            self._waiting.remove(topic)
            branch = self._tree.branch(topic)
            if topic.level and self._quota is not None and self._n_expanded[branch] >= self._quota:
                topic.stop = Stop.QUOTA
                continue
            self._n_expanded[branch] += 1
            return topic
        return None

    def stop_all(self) -> None:
        """Stop all waiting topics, because the budget ended."""
        for topic in self._waiting:
            topic.stop = Stop.BUDGET
        self._waiting.clear()

    def _order(self, topic: Topic) -> tuple[int, int, float, int]:
        share = topic.n_votes / topic.n_samples if topic.n_samples else 0.0
        n_expanded = self._n_expanded[self._tree.branch(topic)]
        return n_expanded, topic.level, -share, topic.topic_id
