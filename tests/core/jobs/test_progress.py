"""Progress of a job: honest about what is left, sparing with the store, readable on any console."""

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
from hypothesis import given
from hypothesis import strategies as st
from support.paths import ROOT

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.decompress.throughput import Throughput
from assay.core.errors import Cancelled
from assay.core.jobs.job_progress import Forecast
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


def test_forecast_measures_speed_by_what_this_run_did():
    """Stages found done took no time: they do not make what is left look faster than it is."""
    clock = Clock()
    forecast = Forecast({"found": 900.0, "rest": 100.0}, clock)
    forecast.enter("rest", 100)
    clock.now = 10.0
    forecast.advance(10)
    assert forecast.fraction == pytest.approx(0.91)
    assert forecast.eta_s == pytest.approx(90)


def test_forecast_counts_a_stage_it_did_not_expect_as_small():
    """An unplanned stage moves the bar a little, skips nothing, and harms no later stage."""
    forecast = Forecast({"a": 10.0, "b": 89.0}, Clock())
    forecast.enter("a ", 2)
    assert forecast.fraction == 0
    forecast.advance(2)
    assert forecast.fraction == pytest.approx(0.01)
    forecast.leave()
    forecast.enter("b", 1)
    assert forecast.fraction == pytest.approx(0.11)
    forecast.leave()
    assert forecast.fraction == 1


def test_better_known_durations_change_what_is_left():
    """Once the work is known better, stages ahead take that long, and the one that runs and those
    that are done stay."""
    clock = Clock()
    forecast = Forecast({"read": 10.0, "a": 10.0, "b": 80.0}, clock)
    forecast.enter("read", 1)
    clock.now = 10.0
    forecast.advance(1)
    forecast.expect({"read": 99.0, "a": 30.0, "b": 160.0, "else": 5.0})
    assert forecast.eta_s == pytest.approx(190)
    forecast.leave()
    assert forecast.fraction == pytest.approx(0.05)


def test_time_passes_in_a_stage_without_units():
    """It moves at the speed of those before it, and is never called done before its end."""
    clock = Clock()
    forecast = Forecast({"a": 10.0, "b": 10.0, "c": 20.0}, clock)
    forecast.enter("a", 1)
    clock.now = 20.0
    forecast.leave()
    forecast.enter("b", 0)
    clock.now = 30.0
    assert forecast.fraction == pytest.approx(15 / 40)
    assert forecast.eta_s == pytest.approx(50)
    clock.now = 200.0
    assert forecast.fraction == pytest.approx(19 / 40)


@given(
    planned=st.lists(st.floats(1, 1e3), min_size=4, max_size=9),
    scale=st.floats(0.1, 10),
    data=st.data(),
)
def test_the_time_left_is_within_a_factor_of_two(planned, scale, data):
    """Where every stage takes once to twice its planned time on this machine's scale, with units or
    without, the time left is off by a factor of two at most from the second stage to the end."""
    clock, n = Clock(), len(planned)
    factors = data.draw(st.lists(st.floats(1, 2), min_size=n, max_size=n))
    counts = data.draw(st.lists(st.sampled_from([0, 1, 7]), min_size=n, max_size=n))
    real = [scale * one * factor for one, factor in zip(planned, factors, strict=True)]
    forecast = Forecast({str(number): one for number, one in enumerate(planned)}, clock)
    for number, (seconds, n_units) in enumerate(zip(real, counts, strict=True)):
        if number > 1 and forecast.eta_s is not None:
            assert sum(real[number:]) / 2.001 <= forecast.eta_s <= 2.001 * sum(real[number:])
        forecast.enter(str(number), n_units)
        clock.now += seconds
        forecast.advance(n_units)
        forecast.leave()


# What a demo took, stage by stage, on two cores of a server that others used as well.
_DEMO = {
    "read documentation": (15.1, 0),
    "fine-tune": (56.7, 90),
    "load models": (0.6, 0),
    "assess": (2.6, 103),
    "read documents": (0.2, 0),
    "vocabulary": (1.7, 1080),
    "gradients": (24.3, 1080),
    "embedding gradients": (27.4, 1080),
    "select": (0.2, 13),
    "exact cosines": (0.4, 599),
    "predict": (7.0, 640),
    "students": (94.1, 3840),
    "embed": (33.5, 1560),
    "map": (24.1, 0),
    "measure": (12.7, 7),
    "text alone": (2.7, 0),
    "membership": (3.5, 0),
}


def test_the_demos_time_left_is_honest():
    """Of a demo as it was measured, the time left is off by a factor of two at most from the second
    stage until its last seconds, also within stages; its stages are those planned, in their
    order."""
    from assay.core.audit.demo import DEMO_PLAN

    assert [stage for stage, seconds in DEMO_PLAN.items() if seconds] == list(_DEMO)
    clock, ends_at = Clock(), sum(seconds for seconds, _ in _DEMO.values())
    forecast = Forecast(DEMO_PLAN, clock)
    for number, (stage, (seconds, n_units)) in enumerate(_DEMO.items()):
        forecast.enter(stage, n_units)
        for _ in range(10):
            clock.now += seconds / 10
            forecast.advance(n_units / 10)
            left = ends_at - clock.now
            if number >= 1 and left > 10:
                assert left / 2 <= forecast.eta_s <= 2 * left, (stage, left, forecast.eta_s)
        forecast.leave()


durations = st.floats(0.01, 1e5)


@given(
    planned=st.lists(durations, min_size=1, max_size=6),
    slowness=st.floats(1e-3, 1e3),
    data=st.data(),
)
def test_at_constant_speed_the_time_left_is_exact(planned, slowness, data):
    """However wrong the plan's scale and wherever a run resumes, the seconds left are right,
    never negative, unsaid in the first second, and the fraction never falls."""
    clock = Clock()
    forecast = Forecast({str(n): seconds for n, seconds in enumerate(planned)}, clock)
    first = data.draw(st.integers(0, len(planned) - 1))
    ends_at = slowness * sum(planned[first:])
    fractions = []
    for number in range(first, len(planned)):
        forecast.enter(str(number), 4)
        for _ in range(4):
            clock.now += slowness * planned[number] / 4
            forecast.advance(1)
            fractions.append(forecast.fraction)
            left = forecast.eta_s
            if clock.now < 1:
                assert left is None
            elif left is not None:
                assert left >= 0
                assert left == pytest.approx(ends_at - clock.now, rel=1e-6, abs=1e-6 * ends_at)
        forecast.leave()
    assert fractions == sorted(fractions)
    assert forecast.fraction == pytest.approx(1)
    assert (forecast.eta_s is None) == (clock.now < 1)


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
