"""An audit's corpus as arrays: what selection on the fly and the titration grid need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cache.blocks import Block, unpack
from cache.database import open_to_read


def read_corpus(path: Path, held_out_source: str | None) -> dict[str, NDArray | None] | None:
    """The arrays of a sealed audit; None if it keeps no gradients. See ``corpus_arrays``."""
    with open_to_read(path) as connection:
        return corpus_arrays(connection, held_out_source)


def corpus_arrays(
    connection: duckdb.DuckDBPyConnection, held_out_source: str | None
) -> dict[str, NDArray | None] | None:
    """Arrays by name, documents in order; None where a table is empty.

    errors (J × n × C), hidden (J × n × d), targets (J × C × d), float32; pseudolabels (n, int64),
    base_losses (n, float64); is_trained, is_held_out (n, bool); blind (n × 2, float64); embeddings
    and reference (· × d, float32). None instead of all if there are no gradients.
    """
    factors = read_factors(connection)
    if factors is None:
        return None
    columns = connection.execute(
        "SELECT pseudolabel::BIGINT AS pseudolabel, base_loss::DOUBLE AS base_loss, in_reference, "
        "source = ? AND NOT in_reference AS is_held_out, p_trained, p_held_out "
        "FROM documents JOIN scores USING (document_id) LEFT JOIN blind_scores USING (document_id) "
        "ORDER BY document_id",
        [held_out_source or ""],
    ).fetchnumpy()
    blind = np.ma.stack([columns["p_trained"], columns["p_held_out"]], axis=1)
    errors, hidden, targets = factors
    return {
        "errors": errors,
        "hidden": hidden,
        "targets": targets,
        "pseudolabels": np.asarray(columns["pseudolabel"]),
        "base_losses": np.asarray(columns["base_loss"]),
        "is_trained": np.asarray(columns["in_reference"], bool),
        "is_held_out": np.asarray(columns["is_held_out"], bool),
        "blind": None if np.ma.is_masked(blind) else np.asarray(blind),
        "embeddings": read_matrix(connection, "embeddings", {"set_name": "seed-corpus"}),
        "reference": read_matrix(connection, "embeddings", {"set_name": "reference"}),
    }


def read_factors(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]] | None:
    """errors, hidden and targets, float32; None if there are none."""
    rows = connection.execute(
        "SELECT n_rows, n_columns, data FROM targets ORDER BY checkpoint"
    ).fetchall()
    if not rows:
        return None
    targets = [np.frombuffer(data, np.float32).reshape(n, width) for n, width, data in rows]
    errors, hidden = (
        [
            read_matrix(connection, "factors", {"checkpoint": checkpoint, "name": name})
            for checkpoint in range(len(targets))
        ]
        for name in ("errors", "hidden")
    )
    if any(matrix is None for matrix in (*errors, *hidden)):
        return None
    return np.stack(errors), np.stack(hidden), np.stack(targets)  # type: ignore[arg-type]


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
