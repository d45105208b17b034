"""The worker: no job is stranded, none blocks the others, and none refuses to stop."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from support.paths import ROOT
from support.waiting import wait_until

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs import worker
from assay.core.jobs.worker import ensure_worker, work

PYTHON = (sys.executable, "-c")

# Never looks whether it should stop, and counts what it is told instead.
STUBBORN = """
import signal, sys, time
from pathlib import Path
told = Path(sys.argv[1])
def count(*_): told.write_text(told.read_text() + "x")
told.write_text("")
signal.signal(signal.SIGTERM, count)
told.with_suffix(".ready").touch()
while True: time.sleep(0.05)
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


def test_a_job_that_cannot_start_blocks_no_other(store):
    """A program that is not there fails its job in words, and the queue goes on."""
    table = JobTable(store)
    ids = [table.submit(["x"], name) for name in "ab"]
    work(store, [str(store.root / "no-such-program")])
    jobs = [table.get(job_id) for job_id in ids]
    assert [job.state for job in jobs] == [JobState.FAILED] * 2
    assert "could not be started" in jobs[0].error
    assert "no-such-program" in jobs[0].error


def test_a_job_that_dies_without_a_word_is_failed_with_its_status(store):
    """What the exit status and the signal say is the job's error."""
    table = JobTable(store)
    status = table.submit(["print('so far'); raise SystemExit(3)"], "status")
    killed = table.submit(["import os; os.kill(os.getpid(), 11)"], "signal")
    work(store, PYTHON)
    assert "status 3" in table.get(status).error
    assert "so far" in table.log_tail(status, 5)
    assert "SIGSEGV" in table.get(killed).error


def test_a_job_queued_as_the_worker_leaves_is_run(store, monkeypatch):
    """A new worker is refused until the old one has left, so the old one looks once more."""
    table, late = JobTable(store), []
    claim_next = JobTable.claim_next

    def claim_and_queue_one_more(self, pid):
        job = claim_next(self, pid)
        if job is None and not late:
            late.append(table.submit(["raise SystemExit(7)"], "late"))
            refused = [sys.executable, "-m", "assay.core.jobs.worker", str(store.root)]
            subprocess.run(refused, cwd=ROOT, check=True)
            assert table.get(late[0]).state is JobState.QUEUED
        return job

    monkeypatch.setattr(JobTable, "claim_next", claim_and_queue_one_more)
    work(store, PYTHON)
    assert "status 7" in table.get(late[0]).error


def test_a_job_that_will_not_stop_is_told_once_and_then_killed(store, tmp_path, monkeypatch):
    """Asked, told by one SIGTERM, killed: in the end a cancelled job has no process."""
    monkeypatch.setattr(worker, "_GRACE_S", 1.2)
    table, told = JobTable(store), tmp_path / "told"
    job_id = table.submit([STUBBORN, str(told)], "stubborn")
    running = threading.Thread(target=work, args=(store, PYTHON))
    running.start()
    wait_until(told.with_suffix(".ready").exists)
    table.request_cancel(job_id)
    time.sleep(0.6)
    assert table.get(job_id).state is JobState.RUNNING
    running.join(timeout=30)
    assert not running.is_alive()
    assert table.get(job_id).state is JobState.CANCELLED
    assert told.read_text() == "x"


def test_a_cancelled_job_that_waits_is_never_started(store, tmp_path):
    """Cancelling a queued job ends it at once; its neighbour runs."""
    table = JobTable(store)
    ids = [table.submit([f"open({str(tmp_path / name)!r}, 'w')"], name) for name in "ab"]
    table.request_cancel(ids[0])
    assert table.get(ids[0]).state is JobState.CANCELLED
    work(store, PYTHON)
    assert not (tmp_path / "a").exists()
    assert (tmp_path / "b").exists()


def test_only_one_worker_runs_a_store(store, tmp_path):
    """Several workers started at once never run two jobs at the same time."""
    table = JobTable(store)
    alone = (
        "import os, sys, time; from pathlib import Path; flag = Path(sys.argv[1]);"
        "os.close(os.open(flag, os.O_CREAT | os.O_EXCL)); time.sleep(0.3); flag.unlink()"
    )
    ids = [table.submit([alone, str(tmp_path / "flag")], str(n)) for n in range(3)]
    code = (
        "import sys; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.core.jobs.worker import work; work(Store(Path(sys.argv[1])), sys.argv[2:])"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(store.root), *PYTHON], cwd=ROOT)
        for _ in range(3)
    ]
    assert [process.wait(timeout=60) for process in workers] == [0] * 3
    # a second one at the same time would have ended with status 1
    assert [table.get(job_id).state for job_id in ids] == [JobState.DONE] * 3


def test_what_a_worker_says_is_kept(store):
    """What a worker has to say is in a log, for nobody sees its console: here that the list of
    jobs was damaged, and where it went."""
    store.jobs_database.write_text("no database at all, and longer than its header would be" * 9)
    ensure_worker(store)
    log = store.logs / "worker.log"
    wait_until(lambda: log.exists() and "was moved to" in log.read_text())


REPORTING = """
import sys
from pathlib import Path
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job
with running_job(Store(Path(sys.argv[1])), ["x"], "t", {"count": 1.0}) as progress:
    with progress.stage("count", 1):
        progress.note("one line")
"""


def test_the_log_of_a_queued_job_says_everything_once(store):
    """Its console is the log too, so that only one of them is written."""
    table = JobTable(store)
    job_id = table.submit([REPORTING, str(store.root)], "reports")
    work(store, PYTHON)
    assert table.get(job_id).state is JobState.DONE, table.log_tail(job_id, 50)
    lines = table.log_tail(job_id, 50).splitlines()
    assert sum("one line" in line for line in lines) == 1
    assert sum("count …" in line for line in lines) == 1


def test_a_short_command_that_reports_nothing_is_done_by_its_status(store):
    """A report or an export ends with status 0, and that is all there is to know."""
    table = JobTable(store)
    job_id = table.submit(["print('written')"], "short")
    work(store, PYTHON)
    job = table.get(job_id)
    assert (job.state, job.error) == (JobState.DONE, None)
