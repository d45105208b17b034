"""The rows of one audit file, read through an open connection; each method is one query.

An audit being built and a sealed one are read the same way: the stages use ``AuditBuilder.rows``,
the queries for pages a connection of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.cache.files.database import has_table
from assay.core.specs.strategies import Baseline, Strategy

_TEXTS_AT_ONCE = 4_096
# The table and its key for each set in ``embeddings`` and ``map_points``.
SETS = {
    "seed-corpus": ("documents", "document_id"),
    "reference": ("reference_documents", "reference_id"),
}


@dataclass(frozen=True)
class StoredDocument:
    """A text, the number of its label if it has one, and how many characters are the prompt."""

    text: str
    label: int | None
    n_prompt_characters: int


@dataclass(frozen=True)
class Roles:
    """Which documents of the seed corpus were trained on and which were held out, (n, bool).

    No document is both. One that is neither is out of the domain, or its role is unknown.
    """

    is_trained: NDArray[np.bool_]
    is_held_out: NDArray[np.bool_]

    @cached_property
    def is_inside(self) -> NDArray[np.bool_]:
        """Which documents belong to the reference set's domain, (n)."""
        return self.is_trained | self.is_held_out


@dataclass(frozen=True)
class DocumentScores:
    """What both models say about each document of the seed corpus.

    pseudolabels (n, int64): -1 without one; final_probabilities (n, float64): of the pseudolabel,
    NaN without one; base_losses (n, float64): nats per scored token.
    """

    pseudolabels: NDArray[np.int64]
    final_probabilities: NDArray[np.float64]
    base_losses: NDArray[np.float64]


@dataclass(frozen=True)
class StoredSelection:
    """A strategy's selection in order.

    The numbers of its documents, the objective (cosine) after each, and their weights.
    """

    documents: tuple[int, ...]
    objective: tuple[float, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class BlindScores:
    """The probabilities, by text alone, that a document was trained on or held out: (n, float64).

    n is 0 if text alone was not computed.
    """

    p_trained: NDArray[np.float64]
    p_held_out: NDArray[np.float64]


@dataclass(frozen=True)
class TokenCounts:
    """For all documents, (n, int64): their different tokens, and the unmoved ones among these.

    Zeros if no row of the embeddings is known to be unmoved.
    """

    n_different: NDArray[np.int64]
    n_unmoved: NDArray[np.int64]


class AuditRows:
    """Queries on one audit file; documents come in the order of their numbers."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def n_documents(self) -> int:
        """The size of the seed corpus."""
        return self.n_of("seed-corpus")

    def n_reference(self) -> int:
        """The size of the reference set; 0 without one."""
        return self.n_of("reference")

    def n_of(self, set_name: str) -> int:
        """How many documents 'seed-corpus' or 'reference' has."""
        ((n_rows,),) = self._all(f"SELECT count(*) FROM {SETS[set_name][0]}")
        return int(n_rows)

    def texts(self, set_name: str) -> list[str]:
        """All texts of 'seed-corpus' or 'reference'."""
        table, key = SETS[set_name]
        return [text for (text,) in self._all(f"SELECT text FROM {table} ORDER BY {key}")]

    def each_text(self, set_name: str = "seed-corpus") -> Iterator[str]:
        """All texts of a set in order, a few thousand in memory at a time."""
        table, key = SETS[set_name]
        for first in range(0, self.n_of(set_name), _TEXTS_AT_ONCE):
            rows = self._all(
                f"SELECT text FROM {table} WHERE {key} >= ? AND {key} < ? ORDER BY {key}",
                [first, first + _TEXTS_AT_ONCE],
            )
            yield from (text for (text,) in rows)

    def documents(self, first: int, n: int) -> list[StoredDocument]:
        """``n`` documents of the seed corpus from number ``first`` on; fewer at the end."""
        return self._stored(
            "SELECT text, NULL, n_prompt_characters FROM documents "
            "WHERE document_id >= ? AND document_id < ? ORDER BY document_id",
            [first, first + n],
        )

    def labelled(self, document_ids: Sequence[int]) -> dict[int, StoredDocument]:
        """Seed documents by number, with the labels that the final model gives them."""
        rows = self._all(
            "SELECT document_id, text, pseudolabel, n_prompt_characters FROM documents "
            "JOIN scores USING (document_id) WHERE list_contains(?, document_id)",
            [list(document_ids)],
        )
        return {row[0]: StoredDocument(*row[1:]) for row in rows}

    def unselected(self, n: int) -> list[StoredDocument]:
        """At most ``n`` documents that no strategy selected, chosen by their texts' hashes."""
        return self._stored(
            "SELECT text, NULL, n_prompt_characters FROM documents "
            "ANTI JOIN selections USING (document_id) ORDER BY md5(text_hash) LIMIT ?",
            [n],
        )

    def some_documents(self, n: int) -> list[StoredDocument]:
        """At most ``n`` documents, chosen by their texts' hashes and so independent of file
        order.
        """
        return self._stored(
            "SELECT text, NULL, n_prompt_characters FROM documents ORDER BY md5(text_hash) LIMIT ?",
            [n],
        )

    def test_documents(self) -> list[StoredDocument]:
        """The test set with its labels."""
        return self._stored(
            "SELECT text, label, n_prompt_characters FROM test_documents ORDER BY test_id"
        )

    def reference_hashes(self) -> set[str]:
        """Hashes of the reference set's texts (``core.specs.hashing.text_hash``)."""
        return {key for (key,) in self._all("SELECT text_hash FROM reference_documents")}

    def reference_labels(self) -> NDArray[np.int64]:
        """The reference set's labels, as far as it has any, (at most m, int64)."""
        return self._column(
            "SELECT label::BIGINT FROM reference_documents WHERE label IS NOT NULL "
            "ORDER BY reference_id",
            np.int64,
        )

    def sources(self) -> list[str]:
        """The names of the sources of the seed corpus, sorted."""
        return [row[0] for row in self._all("SELECT DISTINCT source FROM documents ORDER BY 1")]

    def source_of_each(self) -> NDArray[np.str_]:
        """The source of every document, (n)."""
        return self._column("SELECT source FROM documents ORDER BY document_id", np.str_)

    def documents_of(self, source: str) -> list[int]:
        """Numbers of the documents from ``source``."""
        rows = self._all(
            "SELECT document_id FROM documents WHERE source = ? ORDER BY document_id", [source]
        )
        return [number for (number,) in rows]

    def roles(self, held_out_source: str | None) -> Roles:
        """The role of every document; held-out documents in the reference set count as trained."""
        columns = self._connection.execute(
            "SELECT in_reference, source = ? AND NOT in_reference AS is_held_out "
            "FROM documents ORDER BY document_id",
            [held_out_source or ""],
        ).fetchnumpy()
        return Roles(
            np.asarray(columns["in_reference"], bool), np.asarray(columns["is_held_out"], bool)
        )

    def scores(self) -> DocumentScores:
        """The scores of every document."""
        columns = self._connection.execute(
            "SELECT coalesce(pseudolabel, -1)::BIGINT AS pseudolabel, "
            "coalesce(final_probability::DOUBLE, 'NaN'::DOUBLE) AS final_probability, "
            "base_loss::DOUBLE AS base_loss FROM scores ORDER BY document_id"
        ).fetchnumpy()
        return DocumentScores(
            np.asarray(columns["pseudolabel"]),
            np.asarray(columns["final_probability"]),
            np.asarray(columns["base_loss"]),
        )

    def selection(self, strategy: Strategy) -> StoredSelection:
        """What a strategy selected; empty if it selected nothing."""
        rows = self._all(
            "SELECT document_id, objective, weight FROM selections WHERE strategy = ? "
            "ORDER BY rank",
            [str(strategy)],
        )
        return StoredSelection(
            tuple(row[0] for row in rows),
            tuple(row[1] for row in rows),
            tuple(row[2] for row in rows),
        )

    def student_outcomes(self) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
        """What each student predicts for each document, and the documents' numbers of targets, (n)
        each.

        Empty if no students were trained.
        """
        rows = self._all(
            "SELECT student, outcome, n_targets FROM student_outcomes ORDER BY student, document"
        )
        found: dict[str, list[float]] = {}
        for student, outcome, _ in rows:
            found.setdefault(student, []).append(outcome)
        n = len(next(iter(found.values()), []))
        counts = np.array([row[2] for row in rows[:n]], np.int64)
        return {name: np.array(own) for name, own in found.items()}, counts

    def is_like_reference(self) -> NDArray[np.bool_]:
        """Which documents are exact or near duplicates of reference documents, (n)."""
        return self._column(
            "SELECT in_reference OR document_id IN (SELECT document_id FROM near_duplicates) "
            "FROM documents ORDER BY document_id",
            np.bool_,
        )

    def blind_scores(self) -> BlindScores:
        """What text alone says about every document."""
        columns = self._connection.execute(
            "SELECT p_trained, p_held_out FROM blind_scores ORDER BY document_id"
        ).fetchnumpy()
        return BlindScores(np.asarray(columns["p_trained"]), np.asarray(columns["p_held_out"]))

    def membership_scores(self, scorer: str) -> NDArray[np.float64]:
        """A ranking's score of every document, (n); n is 0 without that ranking."""
        return self._column(
            "SELECT score FROM membership_scores WHERE scorer = ? ORDER BY document_id",
            np.float64,
            [scorer],
        )

    def own_scores(self) -> dict[Strategy, NDArray[np.float64]]:
        """Of strategies that rank by one number a document, (n) each; those that it lacks are left
        out: an audit's weights may not allow them, or it is older.

        Loss drop: the base's loss less the final model's, a scored token.
        """
        found = {
            Strategy.EMBEDDING_MATCH: self._own_column("embedding_scores"),
            Strategy.LAYER_MATCH: self._own_column("layer_scores"),
            Strategy.VOCABULARY_MATCH: self._own_column("vocabulary_scores"),
        }
        final_losses = -self.membership_scores(Baseline.FINAL_LOSS)
        if len(final_losses):
            found[Strategy.LOSS_DROP] = self.scores().base_losses - final_losses
        return {strategy: scores for strategy, scores in found.items() if len(scores)}

    def _own_column(self, table: str) -> NDArray[np.float64]:
        if not has_table(self._connection, table):
            return np.zeros(0)
        return self._column(f"SELECT score FROM {table} ORDER BY document_id", np.float64)

    def token_counts(self) -> TokenCounts:
        """What the input embeddings show about every document's tokens."""
        columns = self._connection.execute(
            "SELECT coalesce(n_different, 0)::BIGINT AS n_different, "
            "coalesce(n_unmoved, 0)::BIGINT AS n_unmoved FROM documents "
            "LEFT JOIN document_vocabulary USING (document_id) ORDER BY document_id"
        ).fetchnumpy()
        return TokenCounts(np.asarray(columns["n_different"]), np.asarray(columns["n_unmoved"]))

    def _stored(self, query: str, parameters: Sequence[Any] = ()) -> list[StoredDocument]:
        return [StoredDocument(*row) for row in self._all(query, parameters)]

    def _column(self, query: str, kind: type, parameters: Sequence[Any] = ()) -> NDArray:
        (column,) = self._connection.execute(query, list(parameters)).fetchnumpy().values()
        return np.asarray(column, kind)

    def _all(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple]:
        return self._connection.execute(query, list(parameters)).fetchall()
