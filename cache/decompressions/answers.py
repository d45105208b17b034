"""A decompressed model's original answers, for code that reads them again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.cache.files.database import open_to_read
from assay.core.specs.model_calls import MARK


@dataclass(frozen=True)
class TreeTopic:
    """A topic and its parent (None above the root); whether its subtopics were asked for."""

    topic_id: int
    parent_id: int | None
    name: str
    is_expanded: bool


@dataclass(frozen=True)
class ListAnswer:
    """The last attempt at one list of subtopics.

    The prompt is without the mark that may have distinguished its samples.
    """

    prompt: str
    sample_index: int
    text: str
    finish: str


def read_tree(path: Path) -> list[TreeTopic]:
    """Every topic, after its parent."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT topic_id, parent_id, name, n_seen IS NOT NULL FROM topics ORDER BY topic_id"
        ).fetchall()
    return [TreeTopic(*row) for row in rows]


def read_list_answers(path: Path) -> list[ListAnswer]:
    """Answers to every question for a list, including those about made-up topics."""
    with open_to_read(path) as connection:
        rows = connection.sql(
            "SELECT if(starts_with(calls.prompt, mark), calls.prompt[length(mark) + 1:], "
            "calls.prompt) AS prompt, sample_index, arg_max(text, attempt) AS text, "
            "arg_max(finish, attempt) AS finish FROM calls, "
            "LATERAL (SELECT concat(?, seed, ?) AS mark) "
            "WHERE stage IN ('topics', 'calibration') GROUP BY ALL ORDER BY ALL",
            params=list(MARK),
        )
        return [ListAnswer(*row) for row in rows.fetchall()]


def read_branch_votes(path: Path) -> dict[int, list[int]]:
    """The votes of each expanded topic's subtopics, including known ones, by the topic's number."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT topics.topic_id, coalesce(list(named.n_votes ORDER BY named.n_votes), []) "
            "FROM topics LEFT JOIN (SELECT parent_id, n_votes FROM topics UNION ALL "
            "SELECT parent_id, n_votes FROM topic_links) named "
            "ON named.parent_id = topics.topic_id "
            "WHERE topics.n_seen IS NOT NULL GROUP BY topics.topic_id ORDER BY topics.topic_id"
        ).fetchall()
    return {topic_id: [n for n in votes if n is not None] for topic_id, votes in rows}
