"""Progress of a job: written to its row, its log, and the console."""

from __future__ import annotations

import datetime
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from assay.cache.jobs import JobTable
from assay.core.errors import Cancelled, is_full_disk

_REPORT_EVERY_S = 0.25
_HEARTBEAT_S = 2.0
# Without a progress bar: for work that reports its speed, and for other work.
_PACED_LINE_EVERY_S = 15.0
_LINE_EVERY_S = 60.0
# The weight of a stage that is not in the plan.
_UNPLANNED_S = 1.0
# A stage that takes longer than expected is not called done.
_MOST_BY_TIME = 0.9
# From this share on, a stage's own speed tells when it ends better than the plan does.
_KNOWN_SHARE = 0.02


class Forecast:
    """The fraction done and the seconds left, from the stages' expected durations.

    A stage that counts its units ends as its own speed says. The stages after it are scaled by how
    much slower than expected this run has been so far. Stages that an earlier run finished count as
    done, but took this run no time and show nothing about its speed.
    """

    def __init__(self, plan: Mapping[str, float], now: Callable[[], float] = time.monotonic):
        self._ahead, self._now = dict(plan), now
        self._started_at = now()
        self._skipped_s, self._passed_s = 0.0, 0.0
        self._stage, self._n_units, self._n_done = "", 0, 0
        self._entered_at = self._started_at

    def expect(self, plan: Mapping[str, float]) -> None:
        """Better known durations of stages that are still ahead."""
        for stage in self._ahead.keys() & plan.keys() - {self._stage}:
            self._ahead[stage] = plan[stage]

    def enter(self, stage: str, n_units: int) -> None:
        """Planned stages before this one count as skipped: they were done already."""
        if stage not in self._ahead:
            self._ahead = {stage: _UNPLANNED_S, **self._ahead}
        for earlier in list(self._ahead)[: list(self._ahead).index(stage)]:
            self._skipped_s += self._ahead.pop(earlier)
        self._stage, self._n_units, self._n_done = stage, n_units, 0
        self._entered_at = self._now()

    def leave(self) -> None:
        """The stage is done."""
        self._passed_s += self._ahead.pop(self._stage)
        self._stage, self._n_units, self._n_done = "", 0, 0

    def advance(self, n_units: int) -> None:
        """Count finished units."""
        self._n_done += n_units

    @property
    def fraction(self) -> float:
        """0 to 1, never 1 before the last stage ends."""
        total_s = self._skipped_s + self._passed_s + sum(self._ahead.values())
        return (self._skipped_s + self._worked_s) / total_s if total_s else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds left; None while too little is done for an estimate."""
        own_s = self._passed_s + sum(self._ahead.values())
        elapsed = self._now() - self._started_at
        if self._worked_s <= 0.02 * own_s or elapsed < 1:
            return None
        pace = elapsed / self._worked_s
        share = self._share_of_stage
        stage_s = self._ahead.get(self._stage, 0.0)
        left_of_stage_s = pace * stage_s * (1 - share)
        if self._n_units and share >= _KNOWN_SHARE:
            left_of_stage_s = (self._now() - self._entered_at) * (1 - share) / share
        return max(0.0, left_of_stage_s + pace * (own_s - self._passed_s - stage_s))

    @property
    def _worked_s(self) -> float:
        return self._passed_s + self._share_of_stage * self._ahead.get(self._stage, 0.0)

    @property
    def _share_of_stage(self) -> float:
        """By its units; of a stage without any by its time, at the speed of those before it."""
        if self._n_units:
            return min(1.0, self._n_done / self._n_units)
        before_s = self._entered_at - self._started_at
        expected_s = self._ahead.get(self._stage, 0.0)
        if not before_s or not self._passed_s or not expected_s:
            return 0.0
        speed = self._passed_s / before_s
        return min(_MOST_BY_TIME, (self._now() - self._entered_at) * speed / expected_s)


class JobProgress:
    """Implements ``core.runtime.progress.Progress`` for one job; use it as a context manager."""

    def __init__(
        self, table: JobTable, job_id: int, plan: Mapping[str, float], on_console: bool
    ) -> None:
        self._table, self._job_id = table, job_id
        job = table.get(job_id)
        assert job is not None
        self._log_file = job.log.open("a", encoding="utf-8")
        self._forecast = Forecast(plan)
        self._lock = threading.Lock()  # the heartbeat also reads the forecast
        self._stage = self._pace = ""
        self._printed_at = time.monotonic()
        self._reported_at = 0.0
        self._stop = threading.Event()
        self._is_cancelled = threading.Event()
        self._console = Console(stderr=True)
        self._bar = self._new_bar() if on_console and self._console.is_terminal else None
        self._prints_lines = on_console and self._bar is None
        self._task: Any = self._bar.add_task("", total=1.0, left="") if self._bar else None
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> JobProgress:
        self._heart.start()
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._heart.join()
        if self._bar:
            self._bar.stop()
        self._log_file.close()

    def attach_result(self, result_id: str) -> None:
        """Record in the job's row which audit or decompression this is."""
        self._table.attach_result(self._job_id, result_id)

    @contextmanager
    def stage(self, name: str, n_units: int) -> Iterator[None]:
        self._raise_if_cancelled()
        self._stage, self._pace = name, ""
        with self._lock:
            self._forecast.enter(name, n_units)
        self.note(f"{name} …")
        started_at = time.monotonic()
        self._report(is_forced=True)
        yield
        with self._lock:
            self._forecast.leave()
            fraction = self._forecast.fraction
        self.note(f"{name} done in {time.monotonic() - started_at:.1f} s ({fraction:.0%} of all)")
        self._report(is_forced=True)

    def advance(self, n_units: int = 1) -> None:
        with self._lock:
            self._forecast.advance(n_units)
        self._report()
        self._raise_if_cancelled()

    def pace(self, text: str) -> None:
        self._pace = text

    def expect(self, plan: Mapping[str, float]) -> None:
        with self._lock:
            self._forecast.expect(plan)

    def cancel(self) -> None:
        """Make the next stage or step raise Cancelled."""
        self._is_cancelled.set()

    def log(self, text: str) -> None:
        """Text for the log only."""
        now = datetime.datetime.now().isoformat(sep=" ", timespec="seconds")
        self._log_file.write(f"{now}  {text}\n")
        self._log_file.flush()

    def note(self, line: str) -> None:
        self.log(line)
        if self._prints_lines:
            self._printed_at = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    def _raise_if_cancelled(self) -> None:
        if self._is_cancelled.is_set():
            raise Cancelled("cancelled; what was computed so far is kept")

    def _report(self, is_forced: bool = False) -> None:
        now = time.monotonic()
        if not is_forced and now - self._reported_at < _REPORT_EVERY_S:
            return
        self._reported_at = now
        with self._lock:
            fraction, eta_s = self._forecast.fraction, self._forecast.eta_s
        doing = " · ".join(part for part in (self._stage, self._pace) if part)
        self._table.report(self._job_id, doing, fraction, eta_s)
        left = "" if eta_s is None else f"{duration(eta_s)} left"
        if self._bar:
            beside = " · ".join(part for part in (left, self._pace) if part)
            self._bar.update(self._task, description=self._stage, completed=fraction, left=beside)
        elif self._prints_lines and now - self._printed_at >= self._line_every_s:
            self._printed_at = now
            line = " · ".join(part for part in (f"{fraction:.0%} of all", doing, left) if part)
            print(line, file=sys.stderr, flush=True)

    @property
    def _line_every_s(self) -> float:
        return _PACED_LINE_EVERY_S if self._pace else _LINE_EVERY_S

    def _beat(self) -> None:
        while not self._stop.wait(_HEARTBEAT_S):
            try:
                job = self._table.get(self._job_id)
                if job and job.is_cancel_requested:
                    self._is_cancelled.set()
                self._report(is_forced=True)
            except Exception as error:
                # The work itself says so, if it has to write as well.
                if not is_full_disk(error):
                    raise

    def _new_bar(self) -> Progress:
        return Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
        )


def duration(seconds: float) -> str:
    """2 min 5 s, 40 s."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
