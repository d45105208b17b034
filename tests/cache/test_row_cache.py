"""The gradient cache: what goes in comes out, for the rows asked and in the order asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import duckdb
import numpy as np
import pytest

from assay.cache.files import row_cache
from assay.cache.files.blocks import DamagedBlock, pack, unpack_one
from assay.cache.files.precomputed import open_gradients
from assay.cache.store import Store


def fail_if_damaged(path):
    raise AssertionError(f"set aside {path}")


def never_waits():
    raise AssertionError("waited for a lock nobody holds")


def opened(store, on_damage=fail_if_damaged):
    return open_gradients(store, "key", never_waits, on_damage)


def rows(names, seed=0):
    rng = np.random.default_rng(seed)
    n = len(names)
    scores = {
        "pseudolabel": rng.integers(0, 4, n),
        "final_probability": rng.random(n, np.float32),
        "base_loss": rng.random(n, np.float32),
        "alignment": list(rng.normal(size=(n, 2))),
        "squared_norms": list(rng.random((n, 2))),
    }
    return scores, {"errors:0": rng.normal(size=(n, 4)).astype(np.float32)}


def test_blocks_round_to_float16_of_the_row():
    """A matrix survives packing up to 2⁻¹⁰ of each row's largest entry, whatever its scale."""
    rng = np.random.default_rng(0)
    matrix = (rng.normal(size=(700, 9)) * 10.0 ** rng.integers(-12, 12, (700, 1))).astype("f")
    back = np.concatenate([unpack_one(block) for block in pack(matrix)])
    assert (np.abs(back - matrix) <= np.abs(matrix).max(1, keepdims=True) * 2**-10).all()
    assert not np.array_equal(back, matrix)


def test_rows_come_back_in_the_order_asked(tmp_path):
    """Scores and arrays of any rows, across blocks, come in the order they are asked for."""
    store = Store(tmp_path)
    names = [f"doc{i}" for i in range(500)]
    scores, arrays = rows(names)
    with opened(store) as gradients:
        for start in range(0, 500, 200):
            part = slice(start, start + 200)
            gradients.append(
                names[part],
                {name: values[part] for name, values in scores.items()},
                {name: values[part] for name, values in arrays.items()},
            )
    order = np.random.default_rng(1).permutation(500)[:123]
    with opened(store) as gradients:
        found = gradients.find([names[i] for i in order])
        matrix = gradients.matrix("errors:0", found)
    assert np.array_equal(found["pseudolabel"].to_numpy(), scores["pseudolabel"][order])
    norms = np.stack(found["squared_norms"].to_numpy())
    assert np.array_equal(norms, np.stack(scores["squared_norms"])[order])
    assert np.allclose(matrix, arrays["errors:0"][order], atol=4e-3)


def test_only_unseen_documents_are_missing(tmp_path):
    """A second audit of the same pair is told exactly which documents it must still compute."""
    with opened(Store(tmp_path)) as gradients:
        gradients.append(["a", "b"], *rows(["a", "b"]))
        assert gradients.missing(["x", "a", "y", "b"]) == [0, 2]


def test_damaged_file_is_set_aside_and_named(tmp_path):
    """A file that is not a database is moved away, named, and replaced by an empty one."""
    store, moved = Store(tmp_path), []
    (store.gradients / "key.duckdb").write_bytes(b"not a database" * 1000)
    with opened(store, moved.append) as gradients:
        assert gradients.missing(["a"]) == [0]
    assert os.path.exists(moved[0])


def test_changed_bytes_are_never_returned(tmp_path):
    """A block whose bytes changed is refused and its file set aside."""
    store, moved = Store(tmp_path), []
    with opened(store) as gradients:
        gradients.append(["a", "b"], *rows(["a", "b"]))
        gradients._connection.execute("UPDATE arrays SET data = '\\x00\\x01'::BLOB || data[3:]")
    with pytest.raises(DamagedBlock), opened(store, moved.append) as gradients:
        gradients.matrix("errors:0", gradients.find(["a"]))
    assert len(moved) == 1
    with opened(store) as gradients:
        assert gradients.missing(["a"]) == [0]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE rows SET position = 7 WHERE text_hash = 'a'",
        "UPDATE arrays SET width = 2, n_rows = n_rows * 2 WHERE block = 1",
    ],
)
def test_rows_and_blocks_that_contradict_each_other_are_damage(change, tmp_path):
    """A row beyond its block, or blocks of two widths, are refused and the file is set aside."""
    store, moved = Store(tmp_path), []
    with opened(store) as gradients:
        for name in ("a", "b"):
            gradients.append([name], *rows([name]))
        assert gradients.matrix("errors:0", gradients.find(["a", "b"])).shape == (2, 4)
        gradients._connection.execute(change)
    with pytest.raises(DamagedBlock), opened(store, moved.append) as gradients:
        gradients.matrix("errors:0", gradients.find(["a", "b"]))
    assert len(moved) == 1


WRITER = """
import sys, numpy as np
from pathlib import Path
from assay.cache.files.precomputed import open_gradients
from assay.cache.store import Store
with open_gradients(Store(Path(sys.argv[1])), "key", lambda: None, print) as gradients:
    for block in range(100000):
        names = [f"{block}-{row}" for row in range(64)]
        scores = {n: np.zeros(64) for n in ("pseudolabel", "final_probability", "base_loss")}
        scores |= {n: [[1.0]] * 64 for n in ("alignment", "squared_norms")}
        gradients.append(names, scores, {"errors:0": np.ones((64, 4), np.float32)})
        print(block, flush=True)
"""


def test_killed_writer_loses_at_most_its_last_block(tmp_path):
    """After kill -9 every block reported as written is there, and the file opens without help."""
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    reported = [int(writer.stdout.readline()) for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    with opened(Store(tmp_path)) as gradients:
        names = [f"{block}-{row}" for block in reported for row in range(64)]
        assert gradients.missing(names) == []
        assert gradients.missing(["1000000-0"]) == [0]


def test_second_process_waits_for_the_first(tmp_path):
    """While one process writes, another is told that it waits, and goes on when the first ends."""
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    waits = []

    def stop_the_first():
        waits.append(time.monotonic())
        writer.kill()
        writer.wait()

    with open_gradients(Store(tmp_path), "key", stop_the_first, fail_if_damaged) as gradients:
        assert gradients.missing(["0-0"]) == []
    assert waits


def test_a_cache_of_an_earlier_version_is_read_and_extended(tmp_path, monkeypatch):
    """Rows in blocks of 256, in DuckDB's own groups, come back to the bit, beside rows in smaller
    blocks."""
    names = [f"doc{i}" for i in range(600)]
    scores, _ = rows(names)
    wide = {"projected:0": np.random.default_rng(2).normal(size=(600, 1024)).astype(np.float32)}

    def append(part):
        chosen = {name: values[part] for name, values in scores.items()}
        with opened(Store(tmp_path)) as gradients:
            gradients.append(names[part], chosen, {n: own[part] for n, own in wide.items()})

    with monkeypatch.context() as earlier:
        earlier.setattr(row_cache, "rows_per_block", lambda width: 256)
        earlier.setattr(row_cache, "open_to_write", lambda path, memory: duckdb.connect(str(path)))
        append(slice(0, 400))
    append(slice(400, 600))
    with opened(Store(tmp_path)) as gradients:
        sizes = gradients._connection.sql("SELECT DISTINCT n_rows FROM arrays").fetchall()
        order = np.random.default_rng(1).permutation(600)
        matrix = gradients.matrix("projected:0", gradients.find([names[i] for i in order]))
    assert sorted(sizes) == [(8,), (144,), (256,)]
    expected = np.concatenate([unpack_one(block) for block in pack(wide["projected:0"], 0, 256)])
    assert np.array_equal(matrix, expected[order])
