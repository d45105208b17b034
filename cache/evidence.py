"""Queries on one document of a sealed audit: everything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cache.corpus import read_matrix
from cache.database import open_to_read
from core.specs import Strategy


@dataclass(frozen=True)
class Scores:
    """Every document's score under every ranking, (documents × rankings), and which documents
    were held out, (documents)."""

    by_ranking: pd.DataFrame
    is_held_out: NDArray[np.bool_]


def read_ranks(path: Path, document_id: int) -> pd.DataFrame:
    """strategy, rank (from 0), gain, weight under every strategy that selected the document."""
    with open_to_read(path) as connection:
        return connection.execute(
            "SELECT strategy, rank, gain, weight FROM selections WHERE document_id = ? "
            "ORDER BY rank",
            [document_id],
        ).df()


def read_scores(path: Path, held_out_source: str | None) -> Scores:
    """The scores of all membership rankings; no columns where there are none."""
    with open_to_read(path) as connection:
        rows = connection.execute("SELECT scorer, document_id, score FROM membership_scores").df()
        is_held_out = connection.execute(
            "SELECT source = ? AND NOT in_reference AS held_out FROM documents "
            "ORDER BY document_id",
            [held_out_source or ""],
        ).fetchnumpy()["held_out"]
    by_ranking = rows.pivot(index="document_id", columns="scorer", values="score")
    return Scores(by_ranking, np.asarray(is_held_out, bool))


def read_neighbours(path: Path, document_id: int, strategy: Strategy, n: int) -> pd.DataFrame:
    """The nearest documents by the cosine of sentence embeddings, ``n`` of each kind.

    kind: 'selected' (by ``strategy``), 'reference' or 'pool'; item_id, similarity, text. The
    document itself is left out; no rows where the audit keeps no embeddings.
    """
    with open_to_read(path) as connection:
        pool = read_matrix(connection, "embeddings", {"set_name": "seed-corpus"})
        reference = read_matrix(connection, "embeddings", {"set_name": "reference"})
        if pool is None:
            return pd.DataFrame(columns=["kind", "item_id", "similarity", "text"])
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
            texts = _texts(connection, kind, items)
            rows += [
                (kind, int(item), float(values[item]), texts[int(item)])
                for item in items
                if np.isfinite(values[item])
            ]
    return pd.DataFrame(rows, columns=["kind", "item_id", "similarity", "text"])


def _nearest(similarities: NDArray, n: int) -> NDArray[np.int64]:
    return np.argsort(-similarities, kind="stable")[:n]


def _texts(connection: duckdb.DuckDBPyConnection, kind: str, items: NDArray) -> dict[int, str]:
    table, key = (
        ("reference_documents", "reference_id")
        if kind == "reference"
        else ("documents", "document_id")
    )
    return dict(
        connection.execute(
            f"SELECT {key}, text FROM {table} WHERE list_contains(?::INTEGER[], {key})",
            [[int(item) for item in items]],
        ).fetchall()
    )
