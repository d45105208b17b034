"""Matrices as float16 blocks of rows, each with its own scale and SHA-256.

A row is divided by its largest magnitude before rounding, so float16's range and precision for
small values do not matter: a row's error is at most 2^-11 of its largest entry.

Blocks are small because DuckDB reads, checks and rewrites 2,048 of them together
(docs/SCALE.md). How rows are cut into blocks does not change what is read back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_ROWS = 256
_MOST_BYTES = 1 << 14
_VALUE_BYTES = 2


class DamagedBlock(ValueError):
    """A stored block's bytes do not match the hash stored with them."""


@dataclass(frozen=True)
class Block:
    """``n_rows`` × ``width`` values from row ``first_row`` on."""

    first_row: int
    n_rows: int
    width: int
    scale: bytes  # float32, one per row
    data: bytes  # float16, row-major
    sha256: str


def rows_per_block(width: int) -> int:
    """Rows in a block of at most 16 KB, one at least: a power of two, so that windows are cut
    evenly."""
    most = max(1, _MOST_BYTES // (_VALUE_BYTES * max(1, width)))
    return int(min(_MOST_ROWS, 1 << (most.bit_length() - 1)))


def pack(
    matrix: NDArray[np.float32], first_row: int = 0, n_together: int | None = None
) -> Iterator[Block]:
    """Cut ``matrix`` (rows × width, finite) into blocks of ``n_together`` rows, by default as many
    as ``rows_per_block`` says."""
    n_together = n_together or rows_per_block(matrix.shape[1])
    for start in range(0, len(matrix), n_together):
        rows = np.asarray(matrix[start : start + n_together], dtype=np.float32)
        scale = np.abs(rows).max(axis=1)
        scaled = rows / np.where(scale > 0, scale, 1)[:, None]
        scale_bytes, data = scale.tobytes(), scaled.astype(np.float16).tobytes()
        yield Block(
            first_row=first_row + start,
            n_rows=len(rows),
            width=rows.shape[1],
            scale=scale_bytes,
            data=data,
            sha256=_digest(scale_bytes, data),
        )


def unpack_one(block: Block) -> NDArray[np.float32]:
    """One block's rows, float32; DamagedBlock if its bytes were changed."""
    scale, data = halves(block)
    return data.astype(np.float32) * scale[:, None]


def halves(block: Block) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """A block's scales (n) and values before scaling (n × width); DamagedBlock as above."""
    if _digest(block.scale, block.data) != block.sha256:
        raise DamagedBlock(f"block at row {block.first_row} does not match its SHA-256")
    scale = np.frombuffer(block.scale, np.float32)
    return scale, np.frombuffer(block.data, np.float16).reshape(block.n_rows, block.width)


def _digest(scale: bytes, data: bytes) -> str:
    return hashlib.sha256(scale + data).hexdigest()
