"""An audit's corpus as arrays, for live selection and the titration grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import AuditRows, DocumentScores, Roles
from assay.cache.files.blocks import Block, unpack
from assay.cache.files.database import has_table, open_to_read
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class CorpusArrays:
    """The arrays of an audit's n documents, in order.

    gradients: see ``gradient_arrays``; own_scores: see ``AuditRows.own_scores``;
    embedding_gradients: see ``embedding_gradient_arrays``; blind (n × 2,
    float64: P(trained) and P(held out) by text alone), embeddings and those of the reference set
    (· × d, float32): None where the audit has none.
    """

    gradients: dict[str, NDArray]
    scores: DocumentScores
    roles: Roles
    own_scores: dict[Strategy, NDArray[np.float64]]
    embedding_gradients: dict[str, NDArray] | None
    blind: NDArray[np.float64] | None
    embeddings: NDArray[np.float32] | None
    reference: NDArray[np.float32] | None


def read_corpus(path: Path, held_out_source: str | None) -> CorpusArrays | None:
    """The arrays of a sealed audit; None if it stores no gradients."""
    with open_to_read(path) as connection:
        return corpus_arrays(connection, held_out_source)


def corpus_arrays(
    connection: duckdb.DuckDBPyConnection, held_out_source: str | None
) -> CorpusArrays | None:
    """The same through an open connection."""
    gradients = gradient_arrays(connection)
    if gradients is None:
        return None
    rows = AuditRows(connection)
    blind = rows.blind_scores()
    return CorpusArrays(
        gradients,
        rows.scores(),
        rows.roles(held_out_source),
        rows.own_scores(),
        embedding_gradient_arrays(connection),
        np.stack([blind.p_trained, blind.p_held_out], axis=1) if len(blind.p_trained) else None,
        read_matrix(connection, "embeddings", {"set_name": "seed-corpus"}),
        read_matrix(connection, "embeddings", {"set_name": "reference"}),
    )


def gradient_arrays(connection: duckdb.DuckDBPyConnection) -> dict[str, NDArray] | None:
    """The gradient arrays that selection needs; None if there are none.

    Classifier: errors (J × n × C), hidden (J × n × d), target (J × C × d), float32. Language model:
    projected (J × n × k, float32), alignment and squared_norms (J × n), target_norms (J), float64.
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


def embedding_gradient_arrays(
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, NDArray] | None:
    """The same of gradients at the input embeddings, as of a language model with one checkpoint;
    None where none were taken, as in audits older than these."""
    if not has_table(connection, "embedding_gradients"):
        return None
    rows = connection.execute(
        "SELECT alignment, squared_norm, target_norm FROM embedding_gradients ORDER BY document_id"
    ).fetchall()
    projected = read_matrix(connection, "embedding_factors", {"name": "projected"})
    if not rows or projected is None:
        return None
    alignment, squared_norms, target_norms = np.array(rows).T
    return {
        "projected": projected[None],
        "alignment": alignment[None],
        "squared_norms": squared_norms[None],
        "target_norms": target_norms[:1],
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
    """The matrix under ``keys``; None if there is none; DamagedBlock if a block is damaged."""
    condition = " AND ".join(f"{name} = ?" for name in keys)
    rows = connection.execute(
        f"SELECT first_row, n_rows, width, scale, data, sha256 FROM {table} "
        f"WHERE {condition} ORDER BY first_row",
        list(keys.values()),
    ).fetchall()
    return unpack(Block(*row) for row in rows) if rows else None
