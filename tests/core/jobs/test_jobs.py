"""Jobs under real processes: nothing is lost, taken twice, or left saying that it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from support.paths import ROOT
from support.waiting import wait_until

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.errors import Cancelled, InputError, is_interruption
from assay.core.jobs.running_job import running_job
from assay.core.jobs.worker import ensure_worker, work

# A stand-in for `python -m assay`: real jobs that count to `n` slowly, written where told.
PROGRAM = """
import os, sys, time
from pathlib import Path
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job
store, out, n = Store.default(), Path(sys.argv[1]), int(sys.argv[2])
with running_job(store, sys.argv[1:], "count", {"count": 10.0}, on_console=False) as progress:
    if n < 0:
        raise RuntimeError("cannot count down")
    with progress.stage("count", n):
        for number in range(n):
            out.write_text(str(number))
            time.sleep(0.05)
            progress.advance()
"""


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    return (sys.executable, str(file))


def test_a_worker_runs_the_queue_in_order(store, program, tmp_path):
    """Queued jobs run one after another, each ends done, and their logs say what they did."""
    table = JobTable(store)
    ids = [table.submit([str(tmp_path / f"{name}.txt"), "3"], name) for name in "abc"]
    work(store, program)
    jobs = [table.get(job_id) for job_id in ids]
    assert [job.state for job in jobs] == [JobState.DONE] * 3
    assert jobs[0].ended_at <= jobs[1].started_at <= jobs[1].ended_at <= jobs[2].started_at
    assert (tmp_path / "c.txt").read_text() == "2"
    assert "count done" in table.log_tail(ids[0], 10)


def test_a_failing_job_says_why(store, program, tmp_path):
    """The error is kept in one sentence, the traceback in the log, and the next job still runs."""
    table = JobTable(store)
    bad = table.submit([str(tmp_path / "x"), "-1"], "bad")
    good = table.submit([str(tmp_path / "y"), "1"], "good")
    work(store, program)
    assert table.get(bad).state is JobState.FAILED
    assert table.get(bad).error == "RuntimeError: cannot count down"
    assert "Traceback" in table.log_tail(bad, 50)
    assert table.get(good).state is JobState.DONE


def test_a_job_runs_where_it_was_submitted(store, program, tmp_path, monkeypatch):
    """Relative paths of a command mean what they meant to the user; a folder gone is said."""
    here, gone = tmp_path / "here", tmp_path / "gone"
    table = JobTable(store)
    ids = []
    for folder in (here, gone):
        folder.mkdir()
        monkeypatch.chdir(folder)
        ids.append(table.submit(["out.txt", "2"], folder.name))
    monkeypatch.chdir(tmp_path)
    gone.rmdir()
    work(store, program)
    assert (here / "out.txt").read_text() == "1"
    assert table.get(ids[0]).state is JobState.DONE
    assert "is gone" in table.get(ids[1]).error


def start_worker(store, program):
    code = (
        "import sys; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.core.jobs.worker import work; work(Store(Path(sys.argv[1])), sys.argv[2:])"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(store.root), *program], cwd=ROOT)


def test_cancel_stops_a_running_job(store, program, tmp_path):
    """A running job asked to stop ends as cancelled long before it would have finished."""
    table = JobTable(store)
    job_id = table.submit([str(tmp_path / "x"), "100000"], "long")
    worker = start_worker(store, program)
    wait_until((tmp_path / "x").exists)
    table.request_cancel(job_id)
    assert worker.wait(timeout=30) == 0
    assert table.get(job_id).state is JobState.CANCELLED
    stopped_at = (tmp_path / "x").read_text()
    time.sleep(0.3)
    assert (tmp_path / "x").read_text() == stopped_at != "99999"


def test_killed_job_is_failed_and_resumes(store, program, tmp_path):
    """kill -9 leaves no job that says it runs; resumed, the same job ends done."""
    table = JobTable(store)
    job_id = table.submit([str(tmp_path / "x"), "60"], "killed")
    worker = start_worker(store, program)
    wait_until(lambda: table.get(job_id).progress > 0)
    os.kill(table.get(job_id).pid, signal.SIGKILL)
    assert worker.wait(timeout=30) == 0
    assert table.get(job_id).state is JobState.FAILED
    assert "SIGKILL" in table.get(job_id).error
    table.requeue(job_id)
    work(store, program)
    assert table.get(job_id).state is JobState.DONE
    assert table.get(job_id).error is None


def test_a_worker_outlives_who_started_it(store):
    """A job queued by a process that then ends is still run, here by the real command line."""
    code = (
        "import sys; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.cache.jobs import JobTable; from assay.core.jobs.worker import ensure_worker\n"
        "store = Store(Path(sys.argv[1]))\n"
        "JobTable(store).submit(['jobs', 'list'], 'a real command'); ensure_worker(store)"
    )
    subprocess.run([sys.executable, "-c", code, str(store.root)], cwd=ROOT, check=True)
    table = JobTable(store)
    wait_until(lambda: table.all()[0].state is not JobState.QUEUED)
    # `jobs list` is no job of its own, so the worker sees it end without a word of success.
    wait_until(lambda: table.all()[0].state is not JobState.RUNNING)
    assert "a real command" in table.log_tail(table.all()[0].job_id, 20)


def test_two_workers_never_take_the_same_job(store):
    """Processes that claim at once get different jobs, and together all of them."""
    table = JobTable(store)
    ids = {table.submit(["x"], str(number)) for number in range(40)}
    code = (
        "import os, sys; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.cache.jobs import JobTable; table = JobTable(Store(Path(sys.argv[1])))\n"
        "while job := table.claim_next(os.getpid()): print(job.job_id)"
    )
    claimers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(store.root)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    taken = [int(line) for claimer in claimers for line in claimer.communicate()[0].split()]
    assert sorted(taken) == sorted(ids)


def test_processes_that_open_a_new_store_at_once_all_may(store):
    """The first look of many processes at a store that is not there yet meets no lock error."""
    n_openers, n_stores = 6, 50
    code = (
        "import sys, time; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.cache.jobs import JobTable\n"
        "print('ready', flush=True); start = float(input())\n"
        f"for number in range({n_stores}):\n"
        "    store = Store(Path(sys.argv[1]) / str(number)); store.jobs_database\n"
        "    time.sleep(max(0, start + number * 0.05 - time.time()))\n"
        "    JobTable(store).submit([], '')"
    )
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(store.root)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(n_openers)
    ]
    for opener in openers:
        opener.stdout.readline()
    start = time.time() + 0.1
    for opener in openers:
        opener.stdin.write(f"{start}\n")
        opener.stdin.flush()
    for opener in openers:
        opener.communicate(timeout=60)
    assert [opener.returncode for opener in openers] == [0] * n_openers
    counts = {len(JobTable(Store(store.root / str(number))).all()) for number in range(n_stores)}
    assert counts == {n_openers}


def test_many_processes_write_at_once(store):
    """Writers and readers hammering the table see no lock error and lose no update."""
    table = JobTable(store)
    ids = [table.begin(["x"], str(number)) for number in range(3)]
    code = (
        "import sys; from pathlib import Path; from assay.cache.store import Store;"
        "from assay.cache.jobs import JobTable; table = JobTable(Store(Path(sys.argv[1])))\n"
        "for step in range(100): table.report(int(sys.argv[2]), 'stage', step / 100, None)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(store.root), str(job_id)], cwd=ROOT)
        for job_id in ids
    ]
    while any(writer.poll() is None for writer in writers):
        assert len(table.all()) == 3
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert [table.get(job_id).progress for job_id in ids] == [0.99] * 3


def test_how_a_job_ends_is_recorded(store):
    """Success, cancellation and errors each leave their own state, and errors go on."""
    with running_job(store, ["a"], "a", {}, on_console=False):
        pass
    with pytest.raises(Cancelled), running_job(store, ["b"], "b", {}, on_console=False):
        raise Cancelled("stop")
    with pytest.raises(InputError), running_job(store, ["c"], "c", {}, on_console=False):
        raise InputError("x", "y", "z")
    states = [job.state for job in JobTable(store).all()]
    assert states == [JobState.FAILED, JobState.CANCELLED, JobState.DONE]
    assert JobTable(store).all()[0].error == "Expected x, but got y; z."


def test_removing_a_job_takes_its_log(store):
    """An ended job and its log go; a queued one stays."""
    table = JobTable(store)
    with running_job(store, ["a"], "a", {}, on_console=False):
        pass
    queued = table.submit(["b"], "b")
    (ended,) = [job for job in table.all() if job.job_id != queued]
    assert ended.log.exists()
    for job in table.all():
        table.remove(job.job_id)
    assert [job.job_id for job in table.all()] == [queued]
    assert not ended.log.exists()


def test_jobs_need_no_torch():
    """Pages import the jobs' code: it brings in neither torch nor DuckDB."""
    code = (
        "import sys, assay.cache.jobs, assay.core.jobs.worker, assay.core.jobs.running_job;"
        "assert not {'torch', 'duckdb', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_second_worker_leaves_the_first_alone(store):
    """Starting a worker where none is needed ends at once and harms nothing."""
    ensure_worker(store)
    work(store)
    assert JobTable(store).all() == []


QUERY = """
import duckdb
from assay.cache.store import Store
from assay.core.jobs.running_job import running_job
with running_job(Store.default(), ["query"], "query", {}, on_console=False):
    print("begun", flush=True)
    while True:
        duckdb.execute("CREATE OR REPLACE TABLE t AS FROM range(1000000)")
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_is_stopped_among_queries_is_cancelled(store, sent):
    """A signal cancels the job whether DuckDB hears it in a query or Python between two."""
    process = subprocess.Popen(
        [sys.executable, "-c", QUERY],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "ASSAY_HOME": str(store.root)},
    )
    assert process.stdout.readline() == b"begun\n"
    time.sleep(0.5)
    process.send_signal(sent)
    process.wait(timeout=60)
    (job,) = JobTable(store).all()
    assert job.state is JobState.CANCELLED, job.error


def test_only_what_the_user_stops_is_an_interruption():
    """What DuckDB says of a signal is an interruption; any other failure is none."""
    assert is_interruption(RuntimeError("Query interrupted"))
    assert not is_interruption(RuntimeError("Query failed"))
    assert not is_interruption(ValueError("Query interrupted"))
