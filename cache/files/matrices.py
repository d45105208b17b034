"""Matrices stored as blocks in a table: read a few blocks at a time, into memory or to disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assay.cache.files.blocks import Block, DamagedBlock, unpack_one
from assay.cache.files.spilled import SpilledBlocks

_BLOCKS_AT_ONCE = 256


@dataclass(frozen=True)
class StoredMatrix:
    """The blocks under ``keys`` in a table, and the shape that they say the matrix has."""

    connection: duckdb.DuckDBPyConnection
    table: str
    keys: Mapping[str, Any]
    n_rows: int
    width: int
    is_in_order: bool

    @classmethod
    def find(
        cls, connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Any]
    ) -> StoredMatrix | None:
        """None if there is none; DamagedBlock if widths differ."""
        found = connection.execute(
            f"SELECT first_row, n_rows, width FROM {table} WHERE {_condition(keys)}",
            list(keys.values()),
        ).fetchnumpy()
        first_rows, widths = found["first_row"], found["width"]
        if not len(first_rows):
            return None
        if (widths != widths[0]).any():
            raise DamagedBlock(f"blocks of {table} have different widths")
        return cls(
            connection,
            table,
            keys,
            int(found["n_rows"].sum()),
            int(widths[0]),
            bool((np.diff(first_rows) >= 0).all()),
        )

    def blocks(self) -> Iterator[Block]:
        """In order of their first rows; use the connection for nothing else meanwhile.

        One query reads them all: each query reads whole vectors of DuckDB, of 2,048 blocks. Sorting
        would keep all blocks in memory, and they are written in order.
        """
        order = "" if self.is_in_order else "ORDER BY first_row"
        rows = self.connection.execute(
            "SELECT first_row, n_rows, width, scale, data, sha256 "
            f"FROM {self.table} WHERE {_condition(self.keys)} {order}",
            list(self.keys.values()),
        )
        last = -1
        while found := rows.fetchmany(_BLOCKS_AT_ONCE):
            for row in found:
                block = Block(*row)
                if len(block.data) != 2 * block.n_rows * block.width or block.first_row <= last:
                    raise DamagedBlock(f"a block of {self.table} is not what it says")
                last = block.first_row
                yield block

    def in_memory(self) -> NDArray[np.float32]:
        """The matrix; DamagedBlock if a block is."""
        matrix = np.empty((self.n_rows, self.width), np.float32)
        self.read_into(matrix)
        return matrix

    def read_into(self, matrix: NDArray[np.float32]) -> None:
        """All rows; DamagedBlock if a block is."""
        first = 0
        for block in self.blocks():
            matrix[first : first + block.n_rows] = unpack_one(block)
            first += block.n_rows

    def spilled(self, folder: Path) -> SpilledBlocks:
        """The same rows in a file of this process; DamagedBlock if a block is."""
        return spilled([self], folder)


def spilled(matrices: Sequence[StoredMatrix], folder: Path) -> SpilledBlocks:
    """Matrices, one below the other, in a file of this process; DamagedBlock if a block is, or if
    their widths differ."""
    width = matrices[0].width
    if any(own.width != width for own in matrices):
        raise DamagedBlock(f"matrices of {matrices[0].table} have different widths")
    return SpilledBlocks(folder, width, chain.from_iterable(own.blocks() for own in matrices))


def read_matrix(
    connection: duckdb.DuckDBPyConnection, table: str, keys: Mapping[str, Any]
) -> NDArray[np.float32] | None:
    """The matrix under ``keys``; None if there is none; DamagedBlock if a block is damaged."""
    stored = StoredMatrix.find(connection, table, keys)
    return None if stored is None else stored.in_memory()


def _condition(keys: Mapping[str, Any]) -> str:
    return " AND ".join(f"{name} = ?" for name in keys)
