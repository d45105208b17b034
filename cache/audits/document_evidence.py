"""Queries on one document of a sealed audit: everything that is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.cache.audits.rows import AuditRows, Roles
from assay.cache.files.database import open_to_read
from assay.cache.files.matrices import read_matrix
from assay.core.specs.strategies import Strategy

_NEIGHBOURS = ["kind", "item_id", "document_id", "similarity", "text"]


@dataclass(frozen=True)
class Scores:
    """Every document's score in every ranking, (documents × rankings), and its role."""

    by_ranking: pd.DataFrame
    roles: Roles


def read_ranks(path: Path, document_id: int) -> pd.DataFrame:
    """strategy, rank (from 0), gain, weight for every strategy that selected the document."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT strategy, rank, gain, weight FROM selections WHERE document_id = ? "
            "ORDER BY rank",
            [document_id],
        ).df()


def read_scores(path: Path, held_out_source: str | None) -> Scores:
    """The scores of all membership rankings; no columns if there are none."""
    with open_to_read(path) as connection:
        rows = connection.execute("SELECT scorer, document_id, score FROM membership_scores").df()
        roles = AuditRows(connection).roles(held_out_source)
    by_ranking = rows.pivot(index="document_id", columns="scorer", values="score")
    return Scores(by_ranking, roles)


def read_texts(path: Path, document_ids: Sequence[int]) -> pd.DataFrame:
    """document_id, source and text of some documents, in the given order."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT document_id, source, text FROM documents "
            "WHERE list_contains(?::INTEGER[], document_id)",
            [[int(number) for number in document_ids]],
        ).df()
    return rows.set_index("document_id").loc[list(document_ids)].reset_index()


def read_all_starts(path: Path, n_characters: int) -> pd.DataFrame:
    """source and the start of the text of every document, by document_id."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT document_id, source, left(text, ?) AS text FROM documents", [n_characters]
        ).df()
    return rows.set_index("document_id")


def read_neighbours(path: Path, document_id: int, strategy: Strategy, n: int) -> pd.DataFrame:
    """The nearest documents by the cosine of sentence embeddings, ``n`` of each kind.

    kind: 'selected' (by ``strategy``), 'reference' or 'pool'; item_id, document_id, similarity,
    text. document_id is missing for a reference document that is not in the seed corpus. The
    document itself is left out; no rows if the audit stores no embeddings.
    """
    with open_to_read(path) as connection:
        pool = read_matrix(connection, "embeddings", {"set_name": "seed-corpus"})
        reference = read_matrix(connection, "embeddings", {"set_name": "reference"})
        if pool is None:
            return pd.DataFrame(columns=_NEIGHBOURS)
        selected = connection.execute(
            "SELECT document_id FROM selections WHERE strategy = ?", [str(strategy)]
        ).fetchnumpy()["document_id"]
        here = pool[document_id]
        similarities = pool @ here
        similarities[document_id] = -np.inf
        nearest = [
            ("selected", selected[_nearest(similarities[selected], n)], similarities),
            ("pool", _nearest(similarities, n), similarities),
        ]
        if reference is not None:
            to_reference = reference @ here
            nearest.append(("reference", _nearest(to_reference, n), to_reference))
        rows = []
        for kind, items, values in nearest:
            known = _documents(connection, kind, items)
            for item in map(int, items):
                if np.isfinite(values[item]):
                    document, text = known[item]
                    rows.append((kind, item, document, float(values[item]), text))
    return pd.DataFrame(rows, columns=_NEIGHBOURS).astype({"document_id": "Int64"})


def _nearest(similarities: NDArray, n: int) -> NDArray[np.int64]:
    """Positions of the n highest; of equal ones, whichever a fixed shuffle takes, so that a corpus
    with its trained documents first shows no more of these than of others."""
    order = np.random.default_rng(0).permutation(len(similarities))
    # Copies of one text differ in the last digits, by where they stand in the matrix.
    rounded = np.round(similarities[order], 5)
    return order[np.argsort(-rounded, kind="stable")[:n]]


def _documents(
    connection: duckdb.DuckDBPyConnection, kind: str, items: NDArray
) -> dict[int, tuple[int | None, str]]:
    """The document's number in the seed corpus and the text of each item."""
    query = (
        "SELECT reference_id, document_id, r.text FROM reference_documents r "
        "LEFT JOIN documents USING (text_hash) WHERE list_contains(?::INTEGER[], reference_id)"
        if kind == "reference"
        else "SELECT document_id, document_id, text FROM documents "
        "WHERE list_contains(?::INTEGER[], document_id)"
    )
    rows = connection.execute(query, [[int(item) for item in items]]).fetchall()
    return {item: (document, text) for item, document, text in rows}
