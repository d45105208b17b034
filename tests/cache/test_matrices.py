"""Matrices in an audit file: read whole, and from a file of this process."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.blocks import DamagedBlock
from assay.cache.files.matrices import read_matrix
from assay.cache.files.spilled import SpilledNumbers
from assay.cache.store import Store

KEYS = {"set_name": "seed-corpus"}
ROWS = np.random.default_rng(0).normal(size=(1100, 5)).astype(np.float32)


@pytest.fixture
def builder(tmp_path):
    with AuditBuilder(Store(tmp_path), "matrices") as one:
        yield one


@pytest.mark.parametrize("starts", [(0, 512, 1024), (1024, 0, 512)], ids=["in order", "not"])
def test_a_matrix_comes_back_in_order(starts, builder):
    """However its blocks were written, whole and row by row, to half precision's rounding; alone
    and below another."""
    for first in starts:
        builder.write_matrix("embeddings", KEYS, ROWS[first : first + 512], first)
    builder.write_matrix("embeddings", {"set_name": "reference"}, -ROWS[:9])
    on_disk = builder.spilled("embeddings", KEYS)
    below = builder.spilled("embeddings", KEYS, {"set_name": "reference"})
    builder.close()
    with duckdb.connect(str(builder.path)) as connection:
        whole = read_matrix(connection, "embeddings", KEYS)
    assert len(below) == 1109
    assert np.array_equal(below.take(range(1100)), whole)
    assert np.array_equal(below.take(range(1100, 1109)), -whole[:9])
    assert np.abs(whole - ROWS).max() < 2e-3
    assert len(on_disk) == 1100
    assert np.array_equal(on_disk.window(slice(0, 1100)), whole)
    assert np.array_equal(on_disk.take([1099, 0, 300, 300]), whole[[1099, 0, 300, 300]])
    assert on_disk.take([]).shape == (0, 5)
    assert np.array_equal(on_disk.columns(slice(1, 3)), whole[:, 1:3])


@pytest.mark.parametrize("change", ["n_rows = n_rows + 1", "width = 4", "scale = '\\x00'::BLOB"])
def test_blocks_that_are_not_what_they_say_are_damage(change, builder):
    """A changed shape or scale is noticed, whichever way the matrix is read."""
    builder.write_matrix("embeddings", KEYS, ROWS)
    builder.close()
    with duckdb.connect(str(builder.path)) as connection:
        connection.execute(f"UPDATE embeddings SET {change} WHERE first_row = 512")
        with pytest.raises(DamagedBlock):
            read_matrix(connection, "embeddings", KEYS)


def test_there_may_be_no_matrix(builder):
    """Nothing under the keys is None for readers, and an error while building."""
    with pytest.raises(ValueError, match="holds nothing"):
        builder.spilled("embeddings", KEYS)
    builder.close()
    with duckdb.connect(str(builder.path)) as connection:
        assert read_matrix(connection, "embeddings", KEYS) is None


def test_matrices_of_two_widths_are_not_put_together(builder):
    """One below the other they would be read at the wrong places."""
    builder.write_matrix("embeddings", KEYS, ROWS)
    builder.write_matrix("embeddings", {"set_name": "reference"}, ROWS[:, :4])
    with pytest.raises(DamagedBlock, match="different widths"):
        builder.spilled("embeddings", KEYS, {"set_name": "reference"})


def test_lists_of_numbers_come_back(tmp_path):
    """Whatever their lengths, in any order, empty ones and none at all included."""
    rng, kept = np.random.default_rng(0), SpilledNumbers(tmp_path)
    lists = [rng.integers(0, 1 << 30, n) for n in (3, 0, 500, 1, 0)]
    kept.append(lists[:2])
    kept.append([])
    kept.append(one for one in lists[2:])
    assert len(kept) == 5
    for number in (4, 2, 0, 3, 1, 2):
        assert kept.of(number).dtype == np.int32
        assert np.array_equal(kept.of(number), lists[number])
