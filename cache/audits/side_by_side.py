"""What a comparison of several audits reads of each: documents by content, and what judged them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.cache.audits.evidence import Rows
from assay.cache.audits.read import AuditFacts, read_facts, read_metrics
from assay.cache.audits.rows import AuditRows
from assay.cache.files.database import UnreadableFile, has_table, kept_open, open_to_read
from assay.core.specs.strategies import BASELINE_TITLES, STRATEGY_TITLES, Strategy


@dataclass(frozen=True)
class TestedStudents:
    """What students predict for t test documents.

    ``documents``: what each document and its label are known by, (t); ``outcomes``: of each
    student, summed over a document's targets, (t); ``n_targets`` (t).
    """

    documents: NDArray[np.str_]
    outcomes: dict[str, NDArray[np.float64]]
    n_targets: NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One audit, its n documents in the order of their numbers.

    ``hashes``: of their texts; ``selections``: positions among them, in order; ``scores``: of every
    ranking that scores all of them, (n) each; ``students``: None without a test set.
    """

    path: Path
    facts: AuditFacts
    metrics: Rows
    document_ids: NDArray[np.int64]
    hashes: NDArray[np.str_]
    is_trained: NDArray[np.bool_]
    is_held_out: NDArray[np.bool_]
    selections: dict[Strategy, NDArray[np.int64]]
    scores: dict[str, NDArray[np.float64]]
    students: TestedStudents | None

    @property
    def n_documents(self) -> int:
        return len(self.document_ids)


@kept_open()
def read_side(path: Path) -> Side:
    """All that a comparison needs; UnreadableFile or OSError if the audit cannot be read."""
    facts = read_facts(path)
    metrics = read_metrics(path).to_dict("records")
    with open_to_read(path) as connection:
        documents = connection.execute(
            "SELECT document_id, text_hash FROM documents ORDER BY document_id"
        ).fetchnumpy()
        ids = np.asarray(documents["document_id"], np.int64)
        hashes = np.asarray(documents["text_hash"], np.str_)
        if len(np.unique(hashes)) < len(hashes):
            raise UnreadableFile(path, "it holds a document twice", is_damaged=False)
        roles = AuditRows(connection).roles(facts.spec.held_out_source)
        return Side(
            path,
            facts,
            metrics,
            ids,
            hashes,
            roles.is_trained,
            roles.is_held_out,
            _selections(connection, ids),
            _scores(connection, len(ids)),
            _students(connection) if facts.spec.test else None,
        )


def read_described(path: Path, document_ids: NDArray[np.int64]) -> pd.DataFrame:
    """document_id, source and text of some documents, in order of their numbers."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT document_id, source, text FROM documents "
            "JOIN unnest(?::INTEGER[]) w(document_id) USING (document_id) ORDER BY document_id",
            [document_ids.tolist()],
        ).df()


def _selections(
    connection: duckdb.DuckDBPyConnection, ids: NDArray[np.int64]
) -> dict[Strategy, NDArray[np.int64]]:
    """A document that a file lists twice counts once."""
    rows = connection.execute(
        "SELECT strategy, document_id, min(rank) AS rank FROM selections "
        "JOIN documents USING (document_id) GROUP BY ALL ORDER BY strategy, rank"
    ).df()
    return {
        Strategy(name): np.searchsorted(ids, own["document_id"].to_numpy(np.int64))
        for name, own in rows.groupby("strategy", sort=False)
        if name in set(Strategy)
    }


def _scores(
    connection: duckdb.DuckDBPyConnection, n_documents: int
) -> dict[str, NDArray[np.float64]]:
    rows = connection.execute(
        "SELECT scorer, score FROM documents JOIN membership_scores USING (document_id) "
        "ORDER BY scorer, document_id"
    ).df()
    known = {*STRATEGY_TITLES, *BASELINE_TITLES}
    return {
        str(name): own["score"].to_numpy(np.float64)
        for name, own in rows.groupby("scorer", sort=False)
        if name in known and len(own) == n_documents and np.isfinite(own["score"]).all()
    }


def _students(connection: duckdb.DuckDBPyConnection) -> TestedStudents | None:
    if not has_table(connection, "student_outcomes"):
        return None
    tested = connection.execute(
        "SELECT md5(text) || ' ' || coalesce(label::VARCHAR, '') AS document FROM test_documents "
        "ORDER BY test_id"
    ).fetchnumpy()["document"]
    rows = connection.execute(
        "SELECT student, outcome, n_targets FROM student_outcomes ORDER BY student, document"
    ).df()
    outcomes, counts = {}, np.zeros(0, np.int64)
    for name, own in rows.groupby("student", sort=False):
        is_whole = len(own) == len(tested) and np.isfinite(own["outcome"]).all()
        if is_whole and (own["n_targets"] > 0).all():
            outcomes[str(name)] = own["outcome"].to_numpy(np.float64)
            counts = own["n_targets"].to_numpy(np.int64)
    return TestedStudents(np.asarray(tested, np.str_), outcomes, counts) if outcomes else None
