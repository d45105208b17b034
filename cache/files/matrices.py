"""Matrices stored as blocks in a table: read a few blocks at a time, into memory or to disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.cache.files.blocks import Block, DamagedBlock, unpack_one
from assay.cache.files.spilled import SpilledBlocks

_BLOCKS_AT_ONCE = 8


@dataclass(frozen=True)
class StoredMatrix:
    """The blocks under ``keys`` in a table: their first rows in order, and the matrix' shape."""

    connection: duckdb.DuckDBPyConnection
    table: str
    keys: Mapping[str, Any]
    first_rows: tuple[int, ...]
    n_rows: int
    width: int

    @classmethod
    def find(
        cls, connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Any]
    ) -> StoredMatrix | None:
        """None if there is none; DamagedBlock if blocks are not as large as they say."""
        found = connection.execute(
            "SELECT first_row, n_rows, width, octet_length(data) "
            f"FROM {table} WHERE {_condition(keys)} ORDER BY first_row",
            list(keys.values()),
        ).fetchall()
        if not found:
            return None
        width = found[0][2]
        if any((own, size) != (width, 2 * n * width) for _, n, own, size in found):
            raise DamagedBlock(f"blocks of {table} have another shape than they say")
        return cls(
            connection,
            table,
            keys,
            tuple(first for first, *_ in found),
            sum(n for _, n, *_ in found),
            width,
        )

    def blocks(self) -> Iterator[Block]:
        """In order; a few are in memory at a time."""
        for start in range(0, len(self.first_rows), _BLOCKS_AT_ONCE):
            asked = self.first_rows[start : start + _BLOCKS_AT_ONCE]
            rows = self.connection.execute(
                "SELECT first_row, n_rows, width, scale, data, sha256 "
                f"FROM {self.table} WHERE {_condition(self.keys)} "
                "AND first_row BETWEEN ? AND ? ORDER BY first_row",
                [*self.keys.values(), asked[0], asked[-1]],
            ).fetchall()
            yield from (Block(*row) for row in rows)

    def read_into(self, matrix: NDArray[np.float32]) -> None:
        """All rows; DamagedBlock if a block is."""
        first = 0
        for block in self.blocks():
            matrix[first : first + block.n_rows] = unpack_one(block)
            first += block.n_rows

    def spilled(self, folder: Path) -> SpilledBlocks:
        """The same rows in a file of this process; DamagedBlock if a block is."""
        return SpilledBlocks(folder, self.width, self.blocks())


def read_matrix(
    connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Any]
) -> NDArray[np.float32] | None:
    """The matrix under ``keys``; None if there is none; DamagedBlock if a block is damaged."""
    stored = StoredMatrix.find(connection, table, keys)
    if stored is None:
        return None
    matrix = np.empty((stored.n_rows, stored.width), np.float32)
    stored.read_into(matrix)
    return matrix


def _condition(keys: Mapping[str, Any]) -> str:
    return " AND ".join(f"{name} = ?" for name in keys)
