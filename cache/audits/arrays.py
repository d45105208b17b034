"""An audit's corpus as arrays: what selection on the fly and the titration grid need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.cache.files.blocks import Block, unpack
from assay.cache.files.database import has_table, open_to_read


def read_corpus(path: Path, held_out_source: str | None) -> dict[str, Any] | None:
    """The arrays of a sealed audit; None if it keeps no gradients. See ``corpus_arrays``."""
    with open_to_read(path) as connection:
        return corpus_arrays(connection, held_out_source)


def corpus_arrays(
    connection: duckdb.DuckDBPyConnection, held_out_source: str | None
) -> dict[str, Any] | None:
    """Arrays by name, documents in order; None where a table is empty.

    gradients: see ``gradient_arrays``; pseudolabels (n, int64, -1 without one), base_losses
    (n, float64); is_trained, is_held_out (n, bool); blind (n × 2, float64); embedding_scores
    (n, float64), None as well in an audit older than these; embeddings and
    reference (· × d, float32). None instead of all if there are no gradients.
    """
    gradients = gradient_arrays(connection)
    if gradients is None:
        return None
    columns = connection.execute(
        "SELECT coalesce(pseudolabel, -1)::BIGINT AS pseudolabel, "
        "base_loss::DOUBLE AS base_loss, in_reference, "
        "source = ? AND NOT in_reference AS is_held_out, p_trained, p_held_out "
        "FROM documents JOIN scores USING (document_id) LEFT JOIN blind_scores USING (document_id) "
        "ORDER BY document_id",
        [held_out_source or ""],
    ).fetchnumpy()
    blind = np.ma.stack([columns["p_trained"], columns["p_held_out"]], axis=1)
    return {
        "gradients": gradients,
        "pseudolabels": np.asarray(columns["pseudolabel"]),
        "base_losses": np.asarray(columns["base_loss"]),
        "is_trained": np.asarray(columns["in_reference"], bool),
        "is_held_out": np.asarray(columns["is_held_out"], bool),
        "embedding_scores": _embedding_scores(connection),
        "blind": None if np.ma.is_masked(blind) else np.asarray(blind),
        "embeddings": read_matrix(connection, "embeddings", {"set_name": "seed-corpus"}),
        "reference": read_matrix(connection, "embeddings", {"set_name": "reference"}),
    }


def _embedding_scores(connection: duckdb.DuckDBPyConnection) -> NDArray[np.float64] | None:
    if not has_table(connection, "embedding_scores"):
        return None
    scores = connection.execute(
        "SELECT score FROM embedding_scores ORDER BY document_id"
    ).fetchnumpy()["score"]
    return np.asarray(scores) if len(scores) else None


def gradient_arrays(connection: duckdb.DuckDBPyConnection) -> dict[str, NDArray] | None:
    """What selection needs of the gradients; None if there are none.

    Of a classifier: errors (J × n × C), hidden (J × n × d), target (J × C × d), float32. Of a
    language model: projected (J × n × k, float32), alignment and squared_norms (J × n),
    target_norms (J), float64.
    """
    rows = connection.execute(
        "SELECT norm, n_rows, n_columns, data FROM targets ORDER BY checkpoint"
    ).fetchall()
    names = {row[0] for row in connection.execute("SELECT DISTINCT name FROM factors").fetchall()}
    if not rows or not names:
        return None
    arrays = {name: _of_checkpoints(connection, name, len(rows)) for name in names}
    if names == {"errors", "hidden"}:
        targets = [np.frombuffer(data, np.float32).reshape(n, m) for _, n, m, data in rows]
        return {**arrays, "target": np.stack(targets)}
    scores = connection.execute(
        "SELECT alignment, squared_norms FROM scores ORDER BY document_id"
    ).fetchall()
    return {
        **arrays,
        "alignment": np.array([row[0] for row in scores]).T,
        "squared_norms": np.array([row[1] for row in scores]).T,
        "target_norms": np.array([row[0] for row in rows]),
    }


def _of_checkpoints(
    connection: duckdb.DuckDBPyConnection, name: str, n_checkpoints: int
) -> NDArray[np.float32]:
    matrices = [
        read_matrix(connection, "factors", {"checkpoint": checkpoint, "name": name})
        for checkpoint in range(n_checkpoints)
    ]
    return np.stack([matrix for matrix in matrices if matrix is not None])


def read_matrix(
    connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Any]
) -> NDArray[np.float32] | None:
    """The matrix written under ``keys``; None if there is none, DamagedBlock if a block is."""
    condition = " AND ".join(f"{name} = ?" for name in keys)
    rows = connection.execute(
        f"SELECT first_row, n_rows, width, scale, data, sha256 FROM {table} "
        f"WHERE {condition} ORDER BY first_row",
        list(keys.values()),
    ).fetchall()
    return unpack(Block(*row) for row in rows) if rows else None
