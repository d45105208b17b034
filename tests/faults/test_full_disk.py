"""A real file system of 8 MB fills up while the store writes: one sentence, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import duckdb
import numpy as np
import pytest

from assay.cache.audits.writer import AuditBuilder
from assay.cache.decompressions.journal import Journal
from assay.cache.files.database import UnreadableFile, open_to_write
from assay.cache.files.precomputed import open_gradients
from assay.cache.files.quarantine import list_set_aside
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.errors import AssayError, FullDisk, full_disk_explained, is_full_disk
from assay.core.jobs.running_job import running_job
from assay.core.specs.model_calls import Answer, Call, Sampling
from assay.core.specs.results.echo import EchoResult

WIDTH = 1_000


@pytest.fixture
def store(small_disk):
    return Store(small_disk)


def fill(folder):
    """Take what is left of the disk; returns the file that takes it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def assert_explained(error, folder):
    """The sentence says where there is no room, how much is free, and what to do."""
    said = str(error)
    assert said.startswith(f"Expected room to write in {folder}"), said
    assert "MB free" in said
    assert "nothing that was kept is lost" in said
    assert "same command" in said
    assert "\n" not in said


def cached(store):
    def fail(*_):
        raise AssertionError("a sound file was set aside, or waited for")

    return open_gradients(store, "key", fail, fail)


def block(number):
    rng = np.random.default_rng(number)
    names = [f"doc{number}-{i}" for i in range(256)]
    scores = {
        "pseudolabel": rng.integers(0, 4, 256),
        "final_probability": rng.random(256, np.float32),
        "base_loss": rng.random(256, np.float32),
        "alignment": list(rng.normal(size=(256, 2))),
        "squared_norms": list(rng.random((256, 2))),
    }
    return names, scores, {"errors:0": rng.normal(size=(256, WIDTH)).astype(np.float32)}


def append_blocks(store, numbers, written):
    with cached(store) as gradients:
        for number in numbers:
            gradients.append(*block(number))
            written += block(number)[0]


def test_a_cache_keeps_the_blocks_it_reported(store):
    """Every block that was reported as written is there afterwards."""
    written = []
    with pytest.raises(FullDisk) as stopped:
        append_blocks(store, range(100), written)
    assert_explained(stopped.value, store.gradients)
    assert len(written) >= 256
    with cached(store) as gradients:
        assert gradients.missing(written) == []
        first = gradients.matrix("errors:0", gradients.find(block(0)[0]))
    assert np.allclose(first, block(0)[2]["errors:0"], atol=5e-3)
    assert list_set_aside(store) == []


def test_a_full_disk_sets_no_sound_file_aside(store):
    """A file that has no room to be opened is not damaged, and is whole once there is room."""
    with cached(store) as gradients:
        gradients.append(*block(0))
    filler = fill(store.root)
    with pytest.raises(FullDisk):
        append_blocks(store, range(1, 9), [])
    filler.unlink()
    with cached(store) as gradients:
        assert gradients.missing(block(0)[0]) == []
    assert list_set_aside(store) == []


def test_an_audit_file_keeps_its_committed_stages(store):
    """The stage that met the full disk is begun again, the one before it is not."""
    noise = np.random.default_rng(0).normal(size=(8_192, 1_000)).astype(np.float32)

    def build():
        with AuditBuilder(store, "one") as builder:
            with builder.stage("first"):
                builder.put_fact("base", "size", 1)
            with builder.stage("second"):
                builder.write_matrix("embeddings", {"set_name": "corpus"}, noise)

    with pytest.raises(FullDisk) as stopped:
        build()
    assert_explained(stopped.value, store.building)
    with AuditBuilder(store, "one") as builder:
        assert builder.quarantined is None
        assert builder.is_done("first")
        assert not builder.is_done("second")
        with builder.stage("second"):
            builder.write_matrix("embeddings", {"set_name": "corpus"}, noise[:256])
        assert builder.is_done("second")


def test_a_journal_keeps_the_answers_it_took(store):
    """Answers that were kept before the disk was full are found again."""

    def calls(number):
        one = Call("topics", f"question {number}", Sampling(48), number)
        return [(one, Answer(os.urandom(100_000).hex(), "stop", 1, 1, 0.1))]

    kept = []

    def keep_all():
        with Journal(store, "0" * 64, "run") as journal:
            for number in range(100):
                journal.keep(calls(number))
                kept.append(number)

    with pytest.raises(FullDisk) as stopped:
        keep_all()
    assert_explained(stopped.value, store.journals)
    assert kept
    with Journal(store, "0" * 64, "run") as journal:
        asked = [calls(number)[0][0] for number in kept]
        assert set(journal.find(asked)) == {call.key for call in asked}


def test_a_job_fails_with_the_sentence_and_not_with_its_own_note(store):
    """A job whose work met a full disk raises the sentence, even if its row cannot be written."""

    def work():
        with running_job(store, ["x"], "x", {}, on_console=False):
            fill(store.root)
            open_to_write(store.building / "new.duckdb").execute("CREATE TABLE t (i INTEGER)")

    with pytest.raises(FullDisk) as stopped:
        work()
    assert_explained(stopped.value, store.building)
    (store.root / "filler").unlink()
    (job,) = JobTable(store).all()
    assert job.state in (JobState.RUNNING, JobState.FAILED)
    if job.state is JobState.FAILED:
        assert job.error == str(stopped.value)


def test_a_record_is_whole_or_not_there(store):
    """A small result that has no room leaves no half of itself."""
    records = store.echoes
    fill(store.root)
    with pytest.raises(FullDisk):
        records.write(
            EchoResult(
                "An echo",
                "2026-11-20",
                {},
                "echo-" + "0" * 12,
                {"text": "x" * 100_000},
                "An audit",
                *((), 40, 40, 999, 8, (), ()),
            )
        )
    assert records.all() == []
    assert records.problems() == {}


def test_only_a_full_disk_is_one():
    """What libraries say of a full disk is known by its words, which ours may quote of others."""
    words = 'IO Error: Could not write file "/a/b.duckdb": No space left on device'
    assert is_full_disk(duckdb.IOException(words))
    assert is_full_disk(sqlite3.OperationalError("database or disk is full"))
    assert is_full_disk(OSError(28, "No space left on device"))
    assert not is_full_disk(OSError(13, "Permission denied"))
    assert not is_full_disk(AssayError("the server said: no space left on device"))
    with pytest.raises(FullDisk) as told, full_disk_explained(Path("/c")):
        raise duckdb.IOException(words)
    assert "/c" not in str(told.value)
    with pytest.raises(UnreadableFile), full_disk_explained(Path("/c")):
        raise UnreadableFile(Path("/a"), "it is damaged", is_damaged=True)
