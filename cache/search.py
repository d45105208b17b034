"""One search over the whole store: audits, their documents, what people said of them, and topics.

A store may hold many audits of 100,000 documents, so the search has an end: the newest files first,
so many rows of each, and a time after which no further file is opened. What was left out is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from assay.cache.annotations.annotations import Annotated, matching_items
from assay.cache.annotations.documents import numbers_of
from assay.cache.audits.read import AuditSummary, audit_path, list_audits
from assay.cache.decompressions.read import decompression_path, list_decompressions
from assay.cache.files.database import UnreadableFile, open_to_read
from assay.cache.store import Store
from assay.core.errors import InputError

# Rows of one file, and of one group of results.
ROWS_PER_FILE, MOST_ROWS = 5, 40
# After so long no further file is opened, and the one that is read is left. The first one is always
# searched.
SEARCH_S = 5.0
SHORTEST, LONGEST = 2, 200
_PREVIEW_CHARACTERS, _BEFORE = 300, 60

Row = TypeVar("Row")


@dataclass(frozen=True)
class FoundDocument:
    """A document with the words, in the newest audit that has it; ``text``: around the words."""

    audit_id: str
    audit_title: str
    document_id: int
    source: str
    text: str


@dataclass(frozen=True)
class FoundNote:
    """A document or example whose note or tag has the words; ``said``: that note or tag.

    ``item``: a document's number in an audit, an example's in a decompression, or the digest of a
    document in a suspect test.
    """

    about: Annotated
    title: str
    item: str
    said: str


@dataclass(frozen=True)
class FoundTopic:
    """A topic whose name has the words; ``support``: share of lists that name it."""

    decompression_id: str
    decompression_title: str
    topic_id: int
    name: str
    support: float | None


@dataclass
class Group(Generic[Row]):
    """Results of one kind. ``is_cut``: there are more than these; ``n_unsearched``: files that the
    time did not suffice for."""

    rows: list[Row] = field(default_factory=list)
    is_cut: bool = False
    n_unsearched: int = 0


@dataclass(frozen=True)
class Found:
    """What a search found, by kind."""

    audits: Group[AuditSummary]
    documents: Group[FoundDocument]
    notes: Group[FoundNote]
    topics: Group[FoundTopic]


def search_store(store: Store, words: str, limit_s: float | None = None) -> Found:
    """Everything that contains ``words``; InputError if they are too few or too many letters.

    An audit's title, name, models and corpora must contain every word; texts, notes, tags and names
    of topics must contain the words as they stand, in any case.
    """
    words = " ".join(words.split())
    if not SHORTEST <= len(words) <= LONGEST:
        raise InputError(
            f"{SHORTEST} to {LONGEST} characters to search for", str(len(words)), "type others"
        )
    audits = [one for one in list_audits(store) if one.problem is None]
    titles = {one.audit_id: one.title for one in audits}
    ends_at = time.monotonic() + (SEARCH_S if limit_s is None else limit_s)
    topics = _topics(store, words, ends_at)
    return Found(
        _cut([one for one in audits if one.is_about(words)]),
        _documents(store, titles, words, ends_at),
        _notes(store, words),
        topics,
    )


def _documents(
    store: Store, titles: dict[str, str], words: str, ends_at: float
) -> Group[FoundDocument]:
    seen = set[str]()

    def rows_of(audit_id: str, left_s: float | None) -> list[FoundDocument]:
        rows = _asked(
            audit_path(store, audit_id),
            "SELECT document_id, source, text_hash, substr(text, greatest(1, "
            f"strpos(lower(text), lower(?)) - {_BEFORE}), {_PREVIEW_CHARACTERS}) FROM documents "
            # In reading order, and not looked at beyond the last row.
            f"WHERE contains(lower(text), lower(?)) LIMIT {ROWS_PER_FILE + 1}",
            [words, words],
            left_s,
        )
        fresh = [row for row in rows if row[2] not in seen]
        seen.update(row[2] for row in rows)
        return [
            FoundDocument(audit_id, titles[audit_id], number, source, text)
            for number, source, _, text in fresh
        ]

    return _searched(list(titles), rows_of, ends_at)


def _topics(store: Store, words: str, ends_at: float) -> Group[FoundTopic]:
    titles = {
        one.decompression_id: one.title for one in list_decompressions(store) if not one.problem
    }

    def rows_of(name: str, left_s: float | None) -> list[FoundTopic]:
        rows = _asked(
            decompression_path(store, name),
            "SELECT topic_id, name, n_votes / nullif(n_samples, 0) AS support FROM topics "
            "WHERE parent_id IS NOT NULL AND contains(lower(name), lower(?)) "
            f"ORDER BY support DESC NULLS LAST, topic_id LIMIT {ROWS_PER_FILE + 1}",
            [words],
            left_s,
        )
        return [FoundTopic(name, titles[name], *row) for row in rows]

    return _searched(list(titles), rows_of, ends_at)


def _notes(store: Store, words: str) -> Group[FoundNote]:
    found = []
    for about, item, said in matching_items(store, words, MOST_ROWS + 1):
        shown = _annotated(store, about, item)
        if shown is not None:
            found.append(FoundNote(about, *shown, said))
    return _cut(found)


def _annotated(store: Store, about: Annotated, item: str) -> tuple[str, str] | None:
    """A result's title, and what pages know its item by; None if the store lacks either.

    What people said outlives the result, so that one that is made again has it back.
    """
    if about.kind == Annotated.audit("").kind:
        for audit in list_audits(store):
            if audit.audit_id == about.result_id and audit.problem is None:
                numbers = numbers_of(audit_path(store, audit.audit_id), [item])
                return (audit.title, str(numbers[item])) if item in numbers else None
    if about.kind == Annotated.decompression("").kind:
        for one in list_decompressions(store):
            if one.decompression_id == about.result_id and one.problem is None:
                return (one.title, item)
    if about.kind == Annotated.suspect_test("").kind:
        record = store.suspect_tests.read(about.result_id)
        return None if record is None else (record.title, item)
    return None


def _asked(
    path: Path, query: str, parameters: list[Any], limit_s: float | None
) -> list[tuple[Any, ...]]:
    with open_to_read(path, limit_s=limit_s) as connection:
        return connection.execute(query, parameters).fetchall()


def _searched(
    names: Sequence[str], rows_of: Callable[[str, float | None], list[Row]], ends_at: float
) -> Group[Row]:
    """The rows of each file in turn, until there are enough or the time is over."""
    found = Group[Row]()
    for at, name in enumerate(names):
        left_s = ends_at - time.monotonic() if at else None
        if left_s is not None and left_s <= 0:
            found.n_unsearched = len(names) - at
            break
        if len(found.rows) >= MOST_ROWS:
            found.is_cut = True
            break
        try:
            rows = rows_of(name, left_s)
        except (UnreadableFile, OSError, InputError):  # in use, gone, or out of time
            found.n_unsearched += 1
            continue
        found.is_cut |= len(rows) > ROWS_PER_FILE
        found.rows += rows[:ROWS_PER_FILE]
    return found


def _cut(rows: list[Row]) -> Group[Row]:
    return Group(rows[:MOST_ROWS], len(rows) > MOST_ROWS)
