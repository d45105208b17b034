"""`--queue`: a command becomes a job of the background instead of running here."""

from __future__ import annotations

import json

import pytest
from support.decompression_file import write_sample_decompression

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.specs.commands import COMMANDS

# Written in seconds from what is there already.
_AT_ONCE = {"export", "report", "present"}


@pytest.fixture
def no_worker(monkeypatch):
    """Jobs are queued and not run."""
    monkeypatch.setattr("assay.core.jobs.worker.ensure_worker", lambda store: None)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_computes_can_run_in_the_background(name, assay):
    """Those that only write a file have no such option."""
    assert ("--queue" in assay(name, "--help").out) == (name not in _AT_ONCE)


def of(name, tiny, out):
    """A command with all that it needs."""
    pair = ("--base", tiny / "base", "--final", tiny / "final")
    return {
        "suspect": (
            *("suspect", *pair),
            *("--suspects", tiny / "leaked.jsonl", "--controls", tiny / "held-out.jsonl"),
        ),
        "finetune": (
            *("finetune", "--base", tiny / "base", "--data", tiny / "train.jsonl", "--out", out),
        ),
        "echo": ("echo", "sample", "--control", "other", "--audit", "sample"),
    }[name]


@pytest.mark.parametrize("name", ["suspect", "finetune", "echo"])
def test_a_queued_command_waits_with_all_its_words(name, tiny, assay, tmp_path, no_worker):
    """Its number is printed, nothing is computed, and the job is the same command without
    --queue; a file that is not there is refused before it becomes one."""
    store = Store.default()
    for each in ("sample", "other"):
        write_sample_decompression(store, each)
    words = list(map(str, of(name, tiny, tmp_path / "out")))
    result = assay(*words, "--queue", "--json")
    assert result.status == 0, result.err
    (job,) = JobTable(store).all()
    assert job.job_id == json.loads(result.out)["job_id"]
    assert job.state is JobState.QUEUED
    assert list(job.command) == [*words, "--json"]
    assert not (tmp_path / "out").exists()
    if name != "echo":  # the store is asked by the job
        missing = [str(tmp_path / "none.jsonl") if one.endswith(".jsonl") else one for one in words]
        assert assay(*missing, "--queue").status == 2
        assert len(JobTable(store).all()) == 1
