"""Jobs under real processes: nothing is lost, taken twice, or left saying that it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cache.home import Store
from cache.jobs import LOST, JobState, JobTable
from core.errors import Cancelled, InputError
from core.jobs.reporter import Forecast
from core.jobs.running import running_job
from core.jobs.worker import ensure_worker, work

ROOT = Path(__file__).resolve().parents[1]

# A stand-in for `python -m core`: real jobs that count to `n` slowly, written where told.
PROGRAM = """
import os, sys, time
from pathlib import Path
from cache.home import Store
from core.jobs.running import running_job
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


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


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
        "import sys; from pathlib import Path; from cache.home import Store;"
        "from core.jobs.worker import work; work(Store(Path(sys.argv[1])), sys.argv[2:])"
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


def test_a_lost_job_is_noticed(store):
    """A foreground job whose process was killed is swept to failed; a living one is left alone."""
    code = (
        "import sys, time; from pathlib import Path; from cache.home import Store;"
        "from core.jobs.running import running_job\n"
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


def test_a_worker_outlives_who_started_it(store):
    """A job queued by a process that then ends is still run, here by the real command line."""
    code = (
        "import sys; from pathlib import Path; from cache.home import Store;"
        "from cache.jobs import JobTable; from core.jobs.worker import ensure_worker\n"
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
        "import os, sys; from pathlib import Path; from cache.home import Store;"
        "from cache.jobs import JobTable; table = JobTable(Store(Path(sys.argv[1])))\n"
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


def test_many_processes_write_at_once(store):
    """Writers and readers hammering the table see no lock error and lose no update."""
    table = JobTable(store)
    ids = [table.submit(["x"], str(number)) for number in range(3)]
    code = (
        "import sys; from pathlib import Path; from cache.home import Store;"
        "from cache.jobs import JobTable; table = JobTable(Store(Path(sys.argv[1])))\n"
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
        "import sys, cache.jobs, core.jobs.worker, core.jobs.running;"
        "assert not {'torch', 'duckdb', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_forecast_scales_with_measured_speed():
    """Work twice as slow as planned has twice the planned time left, and fractions only grow."""
    clock = Clock()
    forecast = Forecast({"a": 10.0, "b": 30.0}, clock)
    seen = []
    for stage, planned in (("a", 10), ("b", 30)):
        forecast.enter(stage, 10)
        for _ in range(10):
            clock.now += 2 * planned / 10
            forecast.advance(1)
            seen.append((forecast.fraction, forecast.eta_s))
        forecast.leave()
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    assert seen[9] == (pytest.approx(0.25), pytest.approx(60))
    assert forecast.fraction == 1


def test_forecast_counts_skipped_stages_as_done():
    """A resumed job that enters the last stage at once is not shown at its beginning."""
    forecast = Forecast({"a": 10.0, "b": 30.0}, Clock())
    forecast.enter("b", 0)
    assert forecast.fraction == 0.25
    assert forecast.eta_s is None


def test_a_second_worker_leaves_the_first_alone(store):
    """Starting a worker where none is needed ends at once and harms nothing."""
    ensure_worker(store)
    work(store)
    assert JobTable(store).all() == []
