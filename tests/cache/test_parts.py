"""Stages that are committed in parts, so that what they write need not fit into memory."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files import builder as building
from assay.cache.store import Store
from assay.core.errors import InputError

KEYS = {"set_name": "seed-corpus"}
TABLES = ("embeddings",)


def write(builder, n_windows, seed):
    """Windows of 256 rows, by the generator of one seed."""
    rng = np.random.default_rng(seed)
    for first in range(0, 256 * n_windows, 256):
        rows = rng.normal(size=(256, 384)).astype(np.float32)
        builder.write_matrix("embeddings", KEYS, rows, first)


def cut_off(store, in_parts):
    with AuditBuilder(store, "parts") as builder, builder.stage("embed", in_parts=in_parts):
        write(builder, 20, seed=0)
        _ = 1 / 0


def read(builder):
    rows = builder.spilled("embeddings", KEYS)
    return rows.take(range(len(rows)))


def test_a_stage_that_was_cut_off_begins_anew(tmp_path, monkeypatch):
    """What it had committed is there but counts for nothing: the next run empties its tables, and
    another stage's rows stay."""
    monkeypatch.setattr(building, "_PART_BYTES", 1 << 20)
    with AuditBuilder(Store(tmp_path), "parts") as builder, builder.stage("assess"):
        builder.put_fact("base", "kept", 1)
    with pytest.raises(ZeroDivisionError):
        cut_off(Store(tmp_path), TABLES)
    with AuditBuilder(Store(tmp_path), "parts") as builder:
        assert not builder.is_done("embed")
        assert 256 <= len(read(builder)) < 20 * 256
        with builder.stage("embed", in_parts=TABLES):
            write(builder, 3, seed=1)
        found = read(builder)
    with AuditBuilder(Store(tmp_path), "parts") as builder:
        assert builder.is_done("embed")
        assert np.array_equal(read(builder), found)
        assert builder._rows("SELECT fact FROM model_facts", []) == [("kept",)]
    assert len(found) == 3 * 256
    expected = np.random.default_rng(1).normal(size=(256, 384))
    assert np.abs(found[:256] - expected).max() < 4e-3


def test_a_stage_without_parts_is_one_transaction(tmp_path, monkeypatch):
    """Of a stage that shares its tables with others, nothing is left if it is cut off."""
    monkeypatch.setattr(building, "_PART_BYTES", 1 << 20)
    with pytest.raises(ZeroDivisionError):
        cut_off(Store(tmp_path), ())
    with AuditBuilder(Store(tmp_path), "parts") as builder, pytest.raises(ValueError, match="hold"):
        read(builder)


def in_one_part(store):
    rows = np.random.default_rng(0).normal(size=(4096, 2048)).astype(np.float32)
    with AuditBuilder(store, "parts") as builder, builder.stage("embed", in_parts=TABLES):
        builder.write_matrix("embeddings", KEYS, rows)


def test_too_little_memory_for_one_part_is_told(tmp_path):
    """If a single part needs more than DuckDB may hold, the error says which option to raise; with
    more, the same stage is done."""
    with pytest.raises(InputError, match="raise --memory"):
        in_one_part(Store(tmp_path, memory=6 << 20))
    in_one_part(Store(tmp_path, memory=128 << 20))


WRITER = """
import json, sys
from pathlib import Path
import numpy as np
from assay.cache.audits.writer import AuditBuilder
from assay.cache.store import Store

def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) << 10

rows = np.random.default_rng(0).normal(size=(2048, 2048)).astype(np.float32)
peaks = []
with AuditBuilder(Store(Path(sys.argv[1]), memory=64 << 20), "large") as builder:
    with builder.stage("embed", in_parts=("embeddings",)):
        for first in range(0, 2048 * 16, 2048):
            builder.write_matrix("embeddings", {"set_name": "seed-corpus"}, rows, first)
            peaks.append(peak())
    n_rows = len(builder.spilled("embeddings", {"set_name": "seed-corpus"}))
print(json.dumps([n_rows, peak(), *peaks]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is Linux's")
def test_memory_does_not_grow_with_what_is_written(tmp_path):
    """After 48 MB another 80 MB take hardly more memory, and reading all of it back needs no room
    for it; in one transaction they took twice as much again."""
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    n_rows, read, *peaks = json.loads(said.splitlines()[-1])
    assert n_rows == 2048 * 16
    grown = [(at - peaks[5]) >> 20 for at in (peaks[-1], read)]
    assert grown[0] < 40, grown
    assert grown[1] < 128, grown
