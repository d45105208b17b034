"""An audit's corpus as arrays, for live selection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import AuditRows, DocumentScores, Roles
from assay.cache.files.blocks import DamagedBlock
from assay.cache.files.database import has_table, open_to_read
from assay.cache.files.matrices import StoredMatrix, read_matrix
from assay.core.specs.strategies import Strategy

ReadFactors: TypeAlias = Callable[[Sequence[StoredMatrix]], Any]


def in_memory(stored: Sequence[StoredMatrix]) -> NDArray[np.float32]:
    """Matrices of one shape as one array, (J × n × width)."""
    arrays = np.empty((len(stored), stored[0].n_rows, stored[0].width), np.float32)
    for own, matrix in zip(stored, arrays, strict=True):
        own.read_into(matrix)
    return arrays


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


def gradient_arrays(
    connection: duckdb.DuckDBPyConnection, read: ReadFactors = in_memory
) -> dict[str, Any] | None:
    """The gradient arrays that selection needs; None if there are none.

    Classifier: errors (J × n × C), hidden (J × n × d), target (J × C × d), float32. Language model:
    projected (J × n × k, float32), alignment and squared_norms (J × n), target_norms (J), float64.
    ``read``: what becomes of the rows of documents, from one matrix a checkpoint.
    """
    rows = connection.execute(
        "SELECT norm, n_rows, n_columns, data FROM targets ORDER BY checkpoint"
    ).fetchall()
    names = {row[0] for row in connection.execute("SELECT DISTINCT name FROM factors").fetchall()}
    if not rows or not names:
        return None
    arrays = {name: read(_factors(connection, name, len(rows))) for name in names}
    if names == {"errors", "hidden"}:
        targets = [np.frombuffer(data, np.float32).reshape(n, m) for _, n, m, data in rows]
        return {**arrays, "target": np.stack(targets)}
    return {
        **arrays,
        **_of_checkpoints(connection, ("alignment", "squared_norms"), len(rows)),
        "target_norms": np.array([row[0] for row in rows]),
    }


def embedding_gradient_arrays(
    connection: duckdb.DuckDBPyConnection, read: ReadFactors = in_memory
) -> dict[str, Any] | None:
    """The same of gradients at the input embeddings, as of a language model with one checkpoint;
    None where none were taken, as in audits older than these."""
    if not has_table(connection, "embedding_gradients"):
        return None
    numbers = connection.execute(
        "SELECT alignment, squared_norm, target_norm FROM embedding_gradients ORDER BY document_id"
    ).fetchnumpy()
    projected = StoredMatrix.find(connection, "embedding_factors", {"name": "projected"})
    if not len(numbers["alignment"]) or projected is None:
        return None
    return {
        "projected": read([projected]),
        "alignment": np.asarray(numbers["alignment"])[None],
        "squared_norms": np.asarray(numbers["squared_norm"])[None],
        "target_norms": np.asarray(numbers["target_norm"])[:1],
    }


def _of_checkpoints(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], n_checkpoints: int
) -> dict[str, NDArray[np.float64]]:
    """Columns of ``scores`` with a value for each checkpoint, (J × n) each."""
    table = connection.sql(
        f"SELECT {', '.join(names)} FROM scores ORDER BY document_id"
    ).to_arrow_table()
    return {
        name: table[name].combine_chunks().flatten().to_numpy().reshape(-1, n_checkpoints).T
        for name in names
    }


def _factors(
    connection: duckdb.DuckDBPyConnection, name: str, n_checkpoints: int
) -> list[StoredMatrix]:
    """Factors of one kind, one matrix a checkpoint; DamagedBlock if one is missing."""
    found = []
    for checkpoint in range(n_checkpoints):
        own = StoredMatrix.find(connection, "factors", {"checkpoint": checkpoint, "name": name})
        if own is None:
            raise DamagedBlock(f"no {name!r} of checkpoint {checkpoint}")
        found.append(own)
    return found
