"""Runs queued jobs one after another, each in its own process, until none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.running_job import JOB_VARIABLE

# -P: a folder named assay in the user's working directory must not be imported.
_PROGRAM = (sys.executable, "-P", "-m", "assay")
# How long a cancelled job may take to end by itself.
_GRACE_S = 10.0
# The status of a command whose input is wrong, and more bytes than its sentence has.
_BAD_INPUT, _LONGEST_SENTENCE = 2, 4000


def ensure_worker(store: Store) -> None:
    """Start a worker unless one is running; it outlives this process."""
    with (store.logs / "worker.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "assay.core.jobs.worker", str(store.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=Path(__file__).resolve().parents[2],
        )


def work(store: Store, program: Sequence[str] = _PROGRAM) -> None:
    """Run queued jobs until there are none; returns at once if another worker is running."""
    table, lock = JobTable(store), FileLock(store.root / "worker.lock")
    is_needed = True
    while is_needed:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return
        try:
            table.sweep_lost()
            while job := table.claim_next(os.getpid()):
                _run(store, table, job, program)
        finally:
            lock.release()
        # A job that was queued after our last check found our lock taken, and relies on us.
        is_needed = any(job.state is JobState.QUEUED for job in table.all())


def _run(store: Store, table: JobTable, job: Job, program: Sequence[str]) -> None:
    environment = {**os.environ, "ASSAY_HOME": str(store.root), JOB_VARIABLE: str(job.job_id)}
    if not job.folder.is_dir():
        table.finish(
            job.job_id, JobState.FAILED, f"The folder in which it was started is gone: {job.folder}"
        )
        return
    try:
        with job.log.open("ab") as log:
            child = subprocess.Popen(
                [*program, *job.command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=job.folder,
            )
    except OSError as error:
        table.finish(job.job_id, JobState.FAILED, f"The process could not be started: {error}")
        return
    _wait(table, job.job_id, child)
    now = table.get(job.job_id)
    if now and now.state is JobState.RUNNING:
        state = JobState.CANCELLED if now.is_cancel_requested else JobState.FAILED
        if child.returncode == 0:
            state = JobState.DONE  # a short command that reports no progress
        table.finish(job.job_id, state, _how(child, job.log) if state is JobState.FAILED else None)


def _wait(table: JobTable, job_id: int, child: subprocess.Popen[bytes]) -> None:
    asked_at: float | None = None
    is_told = False
    while child.poll() is None:
        time.sleep(0.5)
        job = table.get(job_id)
        if job is None or not job.is_cancel_requested:
            continue
        asked_at = asked_at or time.monotonic()
        waited = time.monotonic() - asked_at
        if waited > 2 * _GRACE_S:
            os.killpg(child.pid, signal.SIGKILL)
        elif waited > _GRACE_S and not is_told:
            # Only once: a second signal would interrupt the job's clean-up.
            child.terminate()
            is_told = True


def _how(child: subprocess.Popen[bytes], log: Path) -> str:
    code = child.returncode
    if code < 0:
        return (
            f"The process was stopped by {signal.Signals(-code).name}; resume the job to continue."
        )
    if code == _BAD_INPUT and (sentence := _last_sentence(log)):
        return sentence
    return f"The process ended with status {code}; see its log."


def _last_sentence(log: Path) -> str | None:
    """What a command that refused its input said last, before its job had begun."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LONGEST_SENTENCE))
        lines = file.read().decode(errors="replace").splitlines()
    last = lines[-1].strip() if lines else ""
    return last if last.endswith(".") else None


if __name__ == "__main__":
    work(Store(Path(sys.argv[1])))
