"""Queries on sealed decompressions for pages and exports.

Every function opens the file, reads, and closes it. A sealed file never changes, so callers may
keep the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from assay.cache.among import Among
from assay.cache.files.database import open_to_read
from assay.cache.files.listing import Stamp, named_file, remembered, stamp_of, summaries, summarized
from assay.cache.files.sealed import read_result
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.results.decompression import DecompressionResult


@dataclass(frozen=True)
class DecompressionSummary:
    """One line of the list; ``problem`` says why a file cannot be read."""

    decompression_id: str
    title: str
    created_at: str
    problem: str | None = None


@dataclass(frozen=True)
class ExampleFilter:
    """Which examples to show; empty means all. ``topic_id`` includes everything below it."""

    search: str = ""
    topic_id: int | None = None
    styles: tuple[str, ...] = ()
    difficulties: tuple[str, ...] = ()
    flagged_by: tuple[str, ...] = ()
    not_flagged_by: tuple[str, ...] = ()
    among: Among | None = None


@dataclass(frozen=True)
class ExamplePage:
    """Some examples, and how many there are in all."""

    rows: pd.DataFrame
    n_rows: int


def decompression_path(store: Store, decompression_id: str) -> Path:
    """The file of a decompression; InputError if there is none with that name."""
    return named_file(
        store.decompressions,
        decompression_id,
        "the id of a decompression in this store",
        "see the Topics page or `assay list`",
    )


def list_decompressions(store: Store) -> list[DecompressionSummary]:
    """All decompressions, newest first; a file that cannot be read is listed with its problem."""
    found = summaries(store.decompressions, _known_summary, _unreadable)
    return sorted(found, key=lambda summary: summary.created_at, reverse=True)


def summary_of(path: Path) -> DecompressionSummary:
    """One line about a file, which may be anywhere; FileNotFoundError if it does not exist."""
    return summarized(path, stamp_of(path), _known_summary, _unreadable)


def read_decompression(path: Path) -> DecompressionResult:
    """What a decompression says about itself; UnreadableFile as for ``read_result``."""
    return read_result(path, DecompressionResult)


def read_topics(path: Path, judge: str | None = None) -> pd.DataFrame:
    """Every topic with its path; and, including all below it, n_examples, n_flagged, quality.

    quality is the mean grade, 0 to 4, over the axes that ``judge`` graded (by default the
    headline's judge).
    """
    with open_to_read(path) as connection:
        return connection.execute(
            f"""{_BELOW}, graded AS (SELECT example_id, avg(score) AS quality FROM grades
                WHERE {_BY_JUDGE} GROUP BY example_id), flagged AS (SELECT example_id,
                bool_or(is_flagged) AS is_flagged FROM marks GROUP BY example_id), paths AS (
                SELECT topic_id, ''::VARCHAR AS path FROM topics WHERE parent_id IS NULL UNION ALL
                SELECT t.topic_id, CASE WHEN p.path = '' THEN t.name ELSE p.path || ' > ' || t.name
                END FROM topics t JOIN paths p ON t.parent_id = p.topic_id)
            SELECT topics.*, n_votes / nullif(n_samples, 0) AS support, paths.path AS path,
                count(examples.example_id) AS n_examples,
                count(*) FILTER (flagged.is_flagged) AS n_flagged, avg(graded.quality) AS quality
            FROM topics JOIN paths USING (topic_id) JOIN below ON below.above_id = topics.topic_id
            LEFT JOIN examples ON examples.topic_id = below.topic_id
            LEFT JOIN graded USING (example_id) LEFT JOIN flagged USING (example_id)
            GROUP BY ALL ORDER BY topics.topic_id""",
            [judge],
        ).df()


def read_links(path: Path) -> pd.DataFrame:
    """Topics reached again: parent (its name), topic_id, name, n_votes, cosine."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT topics.name AS parent, topic_links.* EXCLUDE (link_id, parent_id) "
            "FROM topic_links JOIN topics ON topics.topic_id = topic_links.parent_id "
            "ORDER BY link_id"
        ).df()


def read_rungs(path: Path) -> pd.DataFrame:
    """How answers were parsed: stage, rung, n_calls, n_tokens."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT stage, rung, count(*) AS n_calls, sum(n_tokens)::BIGINT AS n_tokens "
            "FROM calls GROUP BY ALL ORDER BY min(position)"
        ).df()


def read_examples(
    path: Path, chosen: ExampleFilter, limit: int, offset: int = 0, judge: str | None = None
) -> ExamplePage:
    """Examples with their topic's name, flags and mean grade, ``limit`` of them from ``offset``.

    Grades are ``judge``'s, by default those of the headline's judge.
    """
    condition, parameters = _condition(chosen)
    source = f"FROM examples JOIN topics USING (topic_id) WHERE {condition}"
    with open_to_read(path) as connection:
        ((n_rows,),) = connection.execute(
            f"{_BELOW} SELECT count(*) {source}", parameters
        ).fetchall()
        rows = connection.execute(
            f"""{_BELOW} SELECT examples.*, topics.name AS topic,
                (SELECT list(mark ORDER BY mark) FROM marks WHERE is_flagged
                 AND marks.example_id = examples.example_id) AS flags,
                (SELECT avg(score) FROM grades WHERE grades.example_id = examples.example_id
                 AND {_BY_JUDGE}) AS quality
            {source} ORDER BY example_id LIMIT ? OFFSET ?""",
            [judge, *parameters, limit, offset],
        ).df()
    return ExamplePage(rows, n_rows)


def place_of_example(path: Path, chosen: ExampleFilter, example_id: int) -> int | None:
    """How many of the examples stand before one of them; None if it is not one of them."""
    condition, parameters = _condition(chosen)
    with open_to_read(path) as connection:
        ((n_before, is_there),) = connection.execute(
            f"{_BELOW} SELECT count(*) FILTER (example_id < ?), bool_or(example_id = ?) "
            f"FROM examples JOIN topics USING (topic_id) WHERE {condition}",
            [example_id, example_id, *parameters],
        ).fetchall()
    return int(n_before) if is_there else None


def read_example(path: Path, example_id: int) -> dict[str, Any]:
    """One whole example, with its flags, its grades, and the call it came from.

    A judge model's grades come with its answer (raw) and how that was parsed (rung).
    """
    with open_to_read(path) as connection:
        frame = connection.execute(
            "SELECT examples.*, topics.name AS topic, calls.prompt, calls.text AS raw, "
            "calls.sampling, calls.seed, calls.rung, calls.attempt, calls.is_chat FROM examples "
            "JOIN topics USING (topic_id) JOIN calls USING (call_key) WHERE example_id = ?",
            [example_id],
        ).df()
        if frame.empty:
            raise InputError(
                "an example of this decompression",
                f"number {example_id}",
                "choose one from the list",
            )
        marks = connection.execute(
            "SELECT mark, is_flagged, value, detail, neighbour_id FROM marks "
            "WHERE example_id = ? ORDER BY mark",
            [example_id],
        ).df()
        grades = connection.execute(
            "SELECT axis, score, judge, rung, calls.text AS raw FROM grades "
            "LEFT JOIN calls USING (call_key) WHERE example_id = ?",
            [example_id],
        ).df()
    return {**frame.iloc[0].to_dict(), "marks": marks, "grades": grades}


# The grades of the given judge, or of the one that the file names as its headline judge.
_BY_JUDGE = "judge = coalesce(?, (SELECT value->>'$' FROM meta WHERE meta.key = 'headline_judge'))"
# Every topic with itself and each topic below it.
_BELOW = """WITH RECURSIVE below AS (SELECT topic_id AS above_id, topic_id FROM topics UNION ALL
    SELECT below.above_id, topics.topic_id FROM topics JOIN below
    ON topics.parent_id = below.topic_id)"""


def _condition(chosen: ExampleFilter) -> tuple[str, list[Any]]:
    conditions: list[str] = ["true"]
    values: list[Any] = []
    if chosen.search:
        conditions.append("contains(lower(task || ' ' || reasoning || ' ' || response), lower(?))")
        values.append(chosen.search)
    if chosen.topic_id is not None:
        conditions.append("topic_id IN (SELECT topic_id FROM below WHERE above_id = ?)")
        values.append(chosen.topic_id)
    for column, wanted in (("style", chosen.styles), ("difficulty", chosen.difficulties)):
        if wanted:
            conditions.append(f"list_contains(?, {column})")
            values.append(list(wanted))
    flagged = "(SELECT example_id FROM marks WHERE is_flagged AND list_contains(?, mark))"
    for word, marks in (("IN", chosen.flagged_by), ("NOT IN", chosen.not_flagged_by)):
        if marks:
            conditions.append(f"example_id {word} {flagged}")
            values.append(list(marks))
    if chosen.among is not None:
        condition, parameters = chosen.among.condition("example_id")
        conditions.append(condition)
        values += parameters
    return " AND ".join(conditions), values


@remembered
def _known_summary(path: Path, stamp: Stamp) -> DecompressionSummary:
    meta = read_decompression(path)
    return DecompressionSummary(path.stem, meta.title, meta.created_at)


def _unreadable(path: Path, problem: str, size: int) -> DecompressionSummary:
    return DecompressionSummary(path.stem, path.stem, "", problem)
