"""What a decompressed model answered, as it came: for those who read the answers anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.cache.files.database import open_to_read
from assay.core.specs.model_calls import MARK


def read_tree(path: Path) -> list[tuple[int, int | None, str, bool]]:
    """Every topic after its parent: topic_id, parent_id, name, whether subtopics were asked for."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT topic_id, parent_id, name, n_seen IS NOT NULL FROM topics ORDER BY topic_id"
        ).fetchall()


def read_list_answers(path: Path) -> list[dict[str, Any]]:
    """The last attempt at each list of subtopics, made-up topics' too: prompt (without the mark
    that may have told its samples apart), sample_index, text, finish."""
    with open_to_read(path) as connection:
        rows = connection.sql(
            "SELECT if(starts_with(calls.prompt, mark), calls.prompt[length(mark) + 1:], "
            "calls.prompt) AS prompt, sample_index, arg_max(text, attempt) AS text, "
            "arg_max(finish, attempt) AS finish FROM calls, "
            "LATERAL (SELECT concat(?, seed, ?) AS mark) "
            "WHERE stage IN ('topics', 'calibration') GROUP BY ALL ORDER BY ALL",
            params=list(MARK),
        )
        found: list[dict[str, Any]] = rows.to_arrow_table().to_pylist()
    return found


def read_branch_votes(path: Path) -> dict[int, list[int]]:
    """The votes of each asked topic's subtopics, those known from elsewhere too, by its number."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT topics.topic_id, coalesce(list(named.n_votes ORDER BY named.n_votes), []) "
            "FROM topics LEFT JOIN (SELECT parent_id, n_votes FROM topics UNION ALL "
            "SELECT parent_id, n_votes FROM topic_links) named "
            "ON named.parent_id = topics.topic_id "
            "WHERE topics.n_seen IS NOT NULL GROUP BY topics.topic_id ORDER BY topics.topic_id"
        ).fetchall()
    return {topic_id: [n for n in votes if n is not None] for topic_id, votes in rows}
