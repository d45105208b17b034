"""Progress of a job: sparing with the store, readable on any console."""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
from support.clock import Clock
from support.paths import ROOT

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.decompress.throughput import Throughput
from assay.core.errors import Cancelled
from assay.core.jobs.running_job import running_job

COUNT = """
import sys, time
from pathlib import Path
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job
plan = {"skipped": 5.0, "student: SELECT": 1.5, "measure": 0.5}
with running_job(Store(Path(sys.argv[1])), ["x"], "x", plan, on_console=True) as progress:
    for name in ("student: SELECT", "measure"):
        with progress.stage(name, 10):
            for _ in range(10):
                time.sleep(float(sys.argv[2]))
                progress.advance()
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


def test_reports_are_few_however_fast_the_work(store):
    """Thousands of units a second write the job's row a few times a second."""
    table = JobTable(store)
    with running_job(store, ["x"], "x", {"fast": 1.0}, on_console=False) as progress:
        with closing(sqlite3.connect(store.jobs_database)) as connection, connection:
            connection.execute("CREATE TABLE writes (progress REAL)")
            connection.execute(
                "CREATE TRIGGER counted AFTER UPDATE OF progress ON jobs "
                "BEGIN INSERT INTO writes VALUES (new.progress); END"
            )
        end, n_units = time.monotonic() + 1.0, 0
        with progress.stage("fast", 10**9):
            while time.monotonic() < end:
                progress.advance()
                n_units += 1
    with closing(sqlite3.connect(store.jobs_database)) as connection:
        (n_writes,) = connection.execute("SELECT count(*) FROM writes").fetchone()
    assert n_units > 1000
    # the stage's two ends and the job's own end come on top
    assert 4 <= n_writes <= 4 + 4
    assert table.all()[0].progress == 1


def test_a_job_is_heard_of_while_it_says_nothing(store):
    """The heartbeat beats while the body is busy, and a cancellation reaches the next stage."""
    table = JobTable(store)
    with running_job(store, ["x"], "x", {}, on_console=False) as progress:
        (job,) = table.all()
        table.request_cancel(job.job_id)
        time.sleep(2.5)
        assert table.get(job.job_id).heartbeat_at > job.heartbeat_at + 1
        with pytest.raises(Cancelled):
            progress.stage("too late", 1).__enter__()
        with pytest.raises(Cancelled):
            progress.advance()


def test_without_a_terminal_every_stage_is_a_plain_line_on_stderr(store):
    """Logs of an unattended run name each stage and the percentage; stdout stays empty."""
    ran = subprocess.run(
        [sys.executable, "-c", COUNT, str(store.root), "0.001"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, third, fourth = ran.stderr.splitlines()
    assert (first, third) == ("student: SELECT …", "measure …")
    assert second.startswith("student: SELECT done in ")
    assert second.endswith("(93% of all)")
    assert fourth.endswith("(100% of all)")
    assert ran.stdout == ""


def test_on_a_terminal_a_bar_names_stage_percentage_and_time_left(store):
    """On a real pseudo-terminal the bar is on stderr, and says when it will be over."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(store.root), "0.15"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    out, _ = process.communicate(timeout=30)
    text = shown.decode()
    assert process.returncode == 0
    assert out == b""
    assert "student: SELECT" in text
    assert "measure" in text
    assert "100%" in text
    assert " s left" in text


PACED = """
import sys, time
from pathlib import Path
import assay.core.jobs.job_progress as reporter
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job

reporter._PACED_LINE_EVERY_S = reporter._HEARTBEAT_S = 0.2
reporter._LINE_EVERY_S = float(sys.argv[2])
with running_job(Store(Path(sys.argv[1])), ["x"], "title", {}) as progress:
    for name, pace in (("topics", "40 calls asked · 160 tokens/s"), ("seal", "")):
        with progress.stage(name, 0):
            if pace:
                progress.pace(pace)
            time.sleep(1)
            print(reporter.JobTable(Store(Path(sys.argv[1]))).all()[0].stage)
"""


@pytest.mark.parametrize(("line_every_s", "is_told"), [("0.4", True), ("60", False)])
def test_the_pace_is_told_while_its_stage_lasts(store, line_every_s, is_told):
    """Without a bar it comes as a line now and then, and the job's row has it for the pages; a long
    stage without a pace has such lines too, a short one none."""
    ran = subprocess.run(
        [sys.executable, "-c", PACED, str(store.root), line_every_s],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in ran.stderr.splitlines() if "tokens/s" in line]
    assert 2 <= len(lines) <= 5
    assert all("of all · topics · 40 calls asked · 160 tokens/s" in line for line in lines)
    assert any("of all · seal" in line for line in ran.stderr.splitlines()) == is_told
    assert ran.stdout.splitlines() == ["topics · 40 calls asked · 160 tokens/s", "seal"]


def test_tokens_a_second_are_of_the_last_minute():
    """A steady writer has its rate from the first answers on; what is long ago does not count."""
    clock = Clock()
    pace = Throughput(clock)
    assert pace.tokens_a_second is None
    pace.begin()
    for _ in range(120):
        clock.now += 1
        pace.begin()
        pace.add(50)
        assert pace.tokens_a_second == pytest.approx(50, rel=0.02)
    for _ in range(60):
        clock.now += 1
        pace.add(10)
    assert pace.tokens_a_second == pytest.approx(10, rel=0.1)


def test_sigterm_ends_a_foreground_job_as_cancelled(store):
    """Asked to end from outside, a job is cancelled rather than failed, and says so in its log."""
    process = subprocess.Popen([sys.executable, "-c", COUNT, str(store.root), "60"], cwd=ROOT)
    table, end = JobTable(store), time.monotonic() + 30
    while not (table.all() and table.all()[0].stage):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) != 0
    (job,) = table.all()
    assert (job.state, job.error) == (JobState.CANCELLED, None)
    assert "cancelled" in table.log_tail(job.job_id, 5)


SWALLOW = """
import ctypes, os, signal, sys
from pathlib import Path
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job

@ctypes.CFUNCTYPE(None)
def compiled():
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):
        pass

with running_job(Store(Path(sys.argv[1])), ["x"], "title", {}, on_console=False) as progress:
    with progress.stage("map", 0):
        compiled()
    print("swallowed", flush=True)
    with progress.stage("measure", 0):
        print("went on", flush=True)
"""


def test_sigterm_swallowed_by_compiled_code_ends_the_job_at_the_next_stage(store):
    """An interruption that a callback of compiled code swallows is not lost."""
    done = subprocess.run(
        [sys.executable, "-c", SWALLOW, str(store.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert done.stdout == "swallowed\n"
    assert JobTable(store).all()[0].state is JobState.CANCELLED
