"""Jobs whose process is gone: they are noticed, never taken for another, and may run again."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.paths import ROOT
from support.waiting import wait_until

from assay.cache.jobs import LOST, JobState, JobTable
from assay.cache.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


def test_a_lost_job_is_noticed(store):
    """A foreground job whose process was killed is swept to failed; a living one is left alone."""
    code = (
        "import sys, time; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.core.jobs.running_job import running_job\n"
        "with running_job(Store(Path(sys.argv[1])), ['x'], 'lost', {}, False): time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(store.root)], cwd=ROOT)
    table = JobTable(store)
    wait_until(lambda: table.all() and table.all()[0].state is JobState.RUNNING)
    table.sweep_lost()
    assert table.all()[0].state is JobState.RUNNING
    process.kill()
    process.wait()
    table.sweep_lost()
    assert (table.all()[0].state, table.all()[0].error) == (JobState.FAILED, LOST)


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def job_of(table, process):
    job_id = table.submit(["x"], "x")
    table.start(job_id, process.pid)
    return job_id


def test_a_killed_process_nobody_waited_for_is_lost(store, sleeper):
    """A zombie counts as gone: its parent may never take note of its end."""
    table = JobTable(store)
    job_id = job_of(table, sleeper)
    assert not table.get(job_id).is_lost
    sleeper.kill()
    wait_until(lambda: table.get(job_id).is_lost, seconds=5)


@pytest.mark.parametrize(("silent_s", "is_lost"), [(0, False), (90, True)])
def test_another_start_time_means_another_process_only_after_silence(
    store, sleeper, silent_s, is_lost
):
    """A clock set by 5 s loses no job that is heard of; a reused process number keeps none."""
    table = JobTable(store)
    job_id = job_of(table, sleeper)
    with closing(sqlite3.connect(store.jobs_database)) as connection, connection:
        connection.execute(
            "UPDATE jobs SET pid_started_at = pid_started_at - 5, heartbeat_at = heartbeat_at - ?",
            [silent_s],
        )
    assert table.get(job_id).is_lost is is_lost


def test_a_sweep_never_overwrites_an_end(store, sleeper, monkeypatch):
    """A job that ends between the look and the verdict keeps its own end."""
    table = JobTable(store)
    ended, lost = job_of(table, sleeper), job_of(table, sleeper)
    seen = table.all()
    table.finish(ended, JobState.DONE)
    sleeper.kill()
    sleeper.wait()
    monkeypatch.setattr(table, "all", lambda: seen)
    table.sweep_lost()
    assert table.get(ended).state is JobState.DONE
    assert table.get(lost).state is JobState.FAILED


def test_only_what_does_not_run_is_queued_again(store, sleeper):
    """A lost job can be resumed though nobody has swept it; a living or a done one cannot."""
    table = JobTable(store)
    done, job_id = table.begin(["x"], "x"), job_of(table, sleeper)
    table.finish(done, JobState.DONE)
    table.requeue(done)
    table.requeue(job_id)
    assert [table.get(done).state, table.get(job_id).state] == [JobState.DONE, JobState.RUNNING]
    sleeper.kill()
    sleeper.wait()
    table.requeue(job_id)
    assert table.get(job_id).state is JobState.QUEUED


def test_a_late_report_changes_no_ended_job(store):
    """The heartbeat's last word may come after the end, and does not bring time left back."""
    table = JobTable(store)
    job_id = table.begin(["x"], "x")
    table.report(job_id, "first", 0.5, 30.0)
    assert table.get(job_id).eta_s == 30.0
    table.finish(job_id, JobState.CANCELLED)
    table.report(job_id, "late", 0.9, 10.0)
    job = table.get(job_id)
    assert (job.stage, job.progress, job.eta_s) == ("first", 0.5, None)
