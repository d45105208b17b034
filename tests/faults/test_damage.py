"""Damage of every kind to every file of the store: named, moved aside and rebuilt, never a
traceback; and what is no damage, left alone."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.audit_file import write_sample_audit

from assay.cache.annotations.annotations import Annotated, read_annotations, set_mark
from assay.cache.audits.read import list_audits
from assay.cache.audits.writer import AuditBuilder
from assay.cache.decompressions.journal import Journal, journal_path, read_running
from assay.cache.files.blocks import DamagedBlock
from assay.cache.files.database import FileInUse, UnreadableFile
from assay.cache.files.manifest import verify_audits
from assay.cache.files.precomputed import open_gradients
from assay.cache.files.quarantine import list_set_aside
from assay.cache.files.sealed import sealed_audit
from assay.cache.jobs import JobTable
from assay.cache.store import Store
from assay.core.specs.annotations import Annotation, Mark

N_FLIPS = 24


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def audit(store):
    path = write_sample_audit(store, n_documents=120)
    path.chmod(0o644)
    return path


def flipped(data, at):
    changed = bytearray(data)
    changed[at] ^= 1 << (at % 8)
    return bytes(changed)


def places(data, n=N_FLIPS):
    """Bytes all over the file, those of its headers among them."""
    rng = random.Random(0)
    step = len(data) // n
    headers = [rng.randrange(12_288) for _ in range(6)]
    return [*headers, *(rng.randrange(n_th * step, (n_th + 1) * step) for n_th in range(n))]


class Held:
    """A file that another DuckDB process has open for writing."""

    def __init__(self, path):
        code = (
            "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('open', flush=True);"
            "time.sleep(600)"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE
        )
        assert self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def test_an_audit_that_is_open_elsewhere_is_left_alone(store, audit):
    """A lock is not damage: nothing is moved, who holds it is said, and later it is there."""
    with Held(audit) as held:
        with pytest.raises(FileInUse, match=str(held.process.pid)):
            sealed_audit(store, "sample")
        (listed,) = list_audits(store)
        assert str(held.process.pid) in listed.problem
        assert "open" in verify_audits(store)[0].verdict
        assert audit.exists()
        assert not list(store.quarantine.iterdir())
    assert sealed_audit(store, "sample") == audit
    assert list_audits(store)[0].problem is None


def test_a_cache_that_is_open_elsewhere_is_left_alone(store, monkeypatch):
    """A gradient cache that another program has is waited for, with a word, and never moved."""
    monkeypatch.setattr("assay.cache.files.row_cache._PATIENCE_S", 0.2)
    monkeypatch.setattr("assay.cache.files.row_cache._LOOK_EVERY_S", 0.1)
    path, waited, moved = gradients_of(store), [], []
    with (
        Held(path),
        pytest.raises(FileInUse),
        open_gradients(store, "key", lambda: waited.append(1), moved.append),
    ):
        pass
    assert waited
    assert not moved
    with open_gradients(store, "key", lambda: None, moved.append) as rows:
        assert rows.missing(["0"]) == []


def test_a_flipped_bit_anywhere_in_an_audit(store, audit):
    """Wherever a bit flips, the audit is intact as read, or moved aside with its name; no other
    error comes, and enough of the flips are found for the check to mean something."""
    data, n_moved = audit.read_bytes(), 0
    for at in places(data):
        audit.write_bytes(flipped(data, at))
        (summary,) = list_audits(store)
        (check,) = verify_audits(store)
        if at in range(12, 20):  # DuckDB's own version number: a file of another is left alone
            with pytest.raises(UnreadableFile, match="version"):
                sealed_audit(store, "sample")
            continue
        found = sealed_audit(store, "sample")
        assert (found is not None) == check.is_intact
        if found is None:
            n_moved += 1
            assert not audit.exists()
            assert list_set_aside(store)[0].was == str(audit)
        assert summary.audit_id == "sample"
    assert n_moved >= N_FLIPS // 4


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_an_audit_that_is_cut_is_moved_aside(store, audit, share):
    """A sealed file of which the end is missing, or all of it, is never taken for complete."""
    data = audit.read_bytes()
    audit.write_bytes(data[: int(share * len(data))])
    assert sealed_audit(store, "sample") is None
    assert not audit.exists()
    assert list_set_aside(store)[0].why


def gradients_of(store):
    """A cache of 600 documents, and where it is."""
    rng = np.random.default_rng(0)
    with open_gradients(store, "key", lambda: None, lambda path: None) as rows:
        for start in range(0, 600, 200):
            rows.append(
                [str(start + n) for n in range(200)],
                {
                    "pseudolabel": [0] * 200,
                    "final_probability": rng.random(200),
                    "base_loss": rng.random(200),
                    "alignment": list(rng.random((200, 1))),
                    "squared_norms": list(rng.random((200, 1))),
                },
                {"hidden": rng.normal(size=(200, 64)).astype(np.float32)},
            )
    return store.gradients / "key.duckdb"


def test_a_flipped_bit_anywhere_in_a_cache(store):
    """Wherever a bit flips, the rows are as they were written, or the cache is moved aside."""
    path, names = gradients_of(store), [str(n) for n in range(600)]
    data = path.read_bytes()
    with open_gradients(store, "key", lambda: None, lambda path: None) as rows:
        found = rows.find(names)
        expected = (found["base_loss"].to_numpy(), rows.matrix("hidden", found))
    n_moved = 0
    for at in places(data):
        path.write_bytes(flipped(data, at))
        moved = []
        try:
            with open_gradients(store, "key", lambda: None, moved.append) as rows:
                if len(rows.missing(names)) == 600:
                    assert moved
                    n_moved += 1
                    continue
                found = rows.find(names)
                got = (found["base_loss"].to_numpy(), rows.matrix("hidden", found))
                for one, other in zip(got, expected, strict=True):
                    np.testing.assert_array_equal(one, other)
        except DamagedBlock:
            assert moved
            n_moved += 1
    assert n_moved >= N_FLIPS // 4


def test_damage_found_while_building_begins_anew(store):
    """An unfinished audit whose blocks are damaged is moved aside, and the next try is empty."""
    builder = AuditBuilder(store, "unfinished")
    with builder.stage("documents"):
        builder.write_matrix("embeddings", {"set_name": "seed-corpus"}, np.ones((9, 5), np.float32))
    builder._connection.execute("UPDATE embeddings SET sha256 = 'x'")
    builder.close()

    from assay.cache.files.builder import built

    tries = []

    def build():
        with AuditBuilder(store, "unfinished") as again:
            tries.append(again.is_done("documents"))
            if again.is_done("documents"):
                again.spilled("embeddings", {"set_name": "seed-corpus"})
            again.seal()
            return "sealed"

    assert built(build) == "sealed"
    assert tries == [True, False]
    assert len(list_set_aside(store)) == 1


GARBAGE = (b"", b"garbage" * 999, b"SQLite format 3\0" + b"\xff" * 5000)


@pytest.mark.parametrize("garbage", GARBAGE[1:])
def test_a_list_of_jobs_of_garbage_is_rebuilt(store, garbage, caplog):
    """A damaged jobs.sqlite is moved aside, the user is told where, and jobs go on."""
    store.jobs_database.write_bytes(garbage)
    table = JobTable(store)
    assert table.all() == []
    table.submit(["demo"], "Demo")
    assert len(table.all()) == 1
    assert "jobs" in caplog.text
    assert list_set_aside(store)[0].was.endswith("jobs.sqlite")


def test_a_flipped_bit_anywhere_in_the_list_of_jobs(store):
    """Wherever a bit flips, the list is shown, or moved aside and begun anew."""
    table = JobTable(store)
    for number in range(30):
        table.submit(["audit", f"--title={number}"], f"job {number}")
    with sqlite3.connect(store.jobs_database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = store.jobs_database.read_bytes()
    for at in places(data, 40)[6:]:
        for beside in store.root.glob("jobs.sqlite-*"):
            beside.unlink()
        store.jobs_database.write_bytes(flipped(data, at))
        table = JobTable(store)
        table.sweep_lost()
        table.submit(["demo"], "Demo")
        assert table.all()


@pytest.mark.parametrize("garbage", GARBAGE[1:])
def test_a_journal_of_garbage_is_rebuilt(store, garbage, caplog):
    """A damaged journal is moved aside, the user is told, and the model is asked anew."""
    path = journal_path(store, "0" * 64)
    path.write_bytes(garbage)
    assert read_running(store) == []
    with Journal(store, "0" * 64, "run") as journal:
        journal.begin({"title": "again"})
    assert [run.run_id for run in read_running(store)] == ["run"]
    assert path.stem in caplog.text


@pytest.mark.parametrize("name", ["annotations.sqlite", "decompressions/reviews.sqlite"])
@pytest.mark.parametrize("garbage", GARBAGE[1:])
def test_annotations_of_garbage_are_begun_anew(store, caplog, name, garbage):
    """A damaged file of what people wrote is kept aside and named, and new marks are kept."""
    about = Annotated.decompression("one")
    store.decompressions.joinpath(store.root / name).write_bytes(garbage)
    assert read_annotations(store, about) == {}
    set_mark(store, about, "3", Mark.ACCEPTED)
    assert read_annotations(store, about) == {"3": Annotation(Mark.ACCEPTED)}
    (moved,) = list_set_aside(store)
    assert moved.was == str(store.root / name)
    assert Path(moved.now).read_bytes() == garbage
    assert name.split("/")[-1] in caplog.text


@pytest.mark.parametrize("garbage", GARBAGE[1:])
def test_a_damaged_file_of_annotations_is_left_alone_where_nothing_may_change(
    store, caplog, garbage
):
    """A read-only store shows no annotations, names the file, and leaves it as it is."""
    path = store.annotations_database
    path.write_bytes(garbage)
    assert read_annotations(Store.to_read(store.root), Annotated.audit("one")) == {}
    assert path.read_bytes() == garbage
    assert path.name in caplog.text


def test_a_flipped_bit_of_annotations_stops_nothing(store):
    """Wherever a bit of the file changes, marks can be read, written and read again."""
    about = Annotated.audit("one")
    for number in range(60):
        set_mark(store, about, f"{number:032x}", Mark.ACCEPTED)
    path = store.annotations_database
    data = path.read_bytes()
    for at in places(data):
        path.write_bytes(flipped(data, at))
        read_annotations(store, about)
        set_mark(store, about, "new", Mark.REJECTED)
        assert read_annotations(store, about)["new"] == Annotation(Mark.REJECTED)
