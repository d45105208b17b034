"""Rows on disk for the time of one process: read often, in any order, without a database between.

The file has no name. It vanishes with the process, however that ends.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.blocks import Block, halves
from assay.core.errors import full_disk_explained


class _File:
    def __init__(self, folder: Path) -> None:
        self._folder, self._n_bytes = folder, 0
        with full_disk_explained(folder):
            # Closed when nothing refers to it any more.
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115

    def append(self, values: NDArray) -> None:
        with full_disk_explained(self._folder):
            left = _bytes_of(np.ascontiguousarray(values))
            while left:
                n_written = os.pwrite(self._file.fileno(), left, self._n_bytes)
                self._n_bytes += n_written
                left = left[n_written:]

    def read_into(self, values: NDArray, first_byte: int) -> None:
        """Fill a contiguous array."""
        left = _bytes_of(values)
        while left:
            n_read = os.preadv(self._file.fileno(), [left], first_byte)
            if not n_read:
                raise OSError(f"a temporary file in {self._folder} ended early")
            first_byte += n_read
            left = left[n_read:]


def _bytes_of(values: NDArray) -> memoryview:
    return values.data.cast("B") if values.size else memoryview(b"")


class SpilledRows:
    """Rows of float32 values, appended in order. Several threads may read at the same time."""

    _type: type[np.floating] = np.float32

    def __init__(self, folder: Path, width: int) -> None:
        self._file, self.width, self._n_rows = _File(folder), width, 0

    def __len__(self) -> int:
        return self._n_rows

    def append(self, rows: NDArray[np.floating]) -> None:
        """Rows (n × width) after those that are there."""
        self._file.append(rows.astype(self._type, copy=False))
        self._n_rows += len(rows)

    def put(self, row: NDArray[np.float32]) -> None:
        """One row (width)."""
        self.append(row[None])

    def window(self, part: slice) -> NDArray[np.float32]:
        """Consecutive rows."""
        rows = np.empty((part.stop - part.start, self.width), self._type)
        self._file.read_into(rows, part.start * self._row_bytes)
        return self._read(rows, part)

    def take(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Some rows, in the given order."""
        at = np.asarray(numbers, np.int64)
        rows = np.empty((len(at), self.width), self._type)
        for place, number in enumerate(at.tolist()):
            self._file.read_into(rows[place], number * self._row_bytes)
        return self._read(rows, at)

    def columns(self, part: slice) -> NDArray[np.float32]:
        """Some values of every row, (rows × values)."""
        values = np.empty((self._n_rows, part.stop - part.start), self._type)
        first = part.start * values.itemsize
        for number in range(self._n_rows):
            self._file.read_into(values[number], number * self._row_bytes + first)
        return self._read(values, slice(0, self._n_rows))

    @property
    def _row_bytes(self) -> int:
        return self.width * np.dtype(self._type).itemsize

    def _read(self, rows: NDArray, which: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        return rows


class SpilledBlocks(SpilledRows):
    """A stored matrix in half precision with a scale a row; reads what ``unpack_one`` returns."""

    _type = np.float16

    def __init__(self, folder: Path, width: int, blocks: Iterable[Block]) -> None:
        """DamagedBlock if a block is."""
        super().__init__(folder, width)
        scales = [np.zeros(0, np.float32)]
        for block in blocks:
            scale, data = halves(block)
            self.append(data)
            scales.append(scale)
        self._scale = np.concatenate(scales)

    def _read(self, rows: NDArray, which: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = rows.astype(np.float32)
        found *= self._scale[which, None]
        return found


class SpilledNumbers:
    """Lists of integers (int32) of different lengths, appended in order. Several threads may read
    at the same time."""

    def __init__(self, folder: Path) -> None:
        self._file, self._starts = _File(folder), array("q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def append(self, lists: Iterable[NDArray[np.integer]]) -> None:
        """Lists after those that are there, written together."""
        own = [np.asarray(one, np.int32) for one in lists]
        if own:
            self._file.append(np.concatenate(own))
        for one in own:
            self._starts.append(self._starts[-1] + len(one))

    def of(self, number: int) -> NDArray[np.int32]:
        """One list."""
        start, end = self._starts[number], self._starts[number + 1]
        values = np.empty(end - start, np.int32)
        self._file.read_into(values, start * values.itemsize)
        return values
