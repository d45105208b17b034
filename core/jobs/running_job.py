"""Runs a computation as a job: registered, with progress, and ended in the right state."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.errors import (
    AssayError,
    InputError,
    full_disk_explained,
    is_full_disk,
    is_interruption,
)
from assay.core.jobs.job_progress import JobProgress
from assay.core.runtime.settings import COUNTS, count_from

_STOPPING = (signal.SIGINT, signal.SIGTERM)
JOB_VARIABLE = "ASSAY_JOB_ID"


@contextmanager
def running_job(
    store: Store,
    command: Sequence[str],
    title: str,
    plan: Mapping[str, float],
    on_console: bool = True,
) -> Iterator[JobProgress]:
    """Run the body as the job that a worker started it for, otherwise as a new job of this process.

    SIGTERM ends the body like an interruption; the job is then cancelled, not failed. Only the main
    thread receives signals: elsewhere, as in a notebook, SIGTERM ends the process.
    """
    store.require_writing()
    # Before any work: a wrong setting must not end it half-way.
    for variable in COUNTS:
        count_from(variable)
    # A worker's console is the job's log, which has every line already.
    is_on_console = on_console and not os.environ.get(JOB_VARIABLE)
    with full_disk_explained(store.root):
        table = JobTable(store)
        job_id = _register(table, command, title)
        progress = JobProgress(table, job_id, plan, is_on_console)
        with _signals_heard(progress):
            with progress:
                try:
                    with full_disk_explained(store.root):
                        yield progress
                except BaseException as error:
                    _note_failure(progress, table, job_id, error)
                    raise
            table.finish(job_id, JobState.DONE)


def _register(table: JobTable, command: Sequence[str], title: str) -> int:
    given = os.environ.pop(JOB_VARIABLE, None)
    if not given:
        return table.begin(command, title)
    job_id = int(given) if given.isdecimal() else 0
    if table.get(job_id) is None:
        raise InputError(
            f"the number of a job of this store in the variable {JOB_VARIABLE}, which workers set",
            repr(given[:40]),
            "unset it",
        )
    table.start(job_id)
    return job_id


@contextmanager
def _signals_heard(progress: JobProgress) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = partial(_interrupt, progress)
    previous = {number: signal.signal(number, heard) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _note_failure(
    progress: JobProgress, table: JobTable, job_id: int, error: BaseException
) -> None:
    is_cancelled = is_interruption(error)
    try:
        progress.log("cancelled" if is_cancelled else "".join(traceback.format_exception(error)))
        if is_cancelled:
            table.finish(job_id, JobState.CANCELLED)
        else:
            table.finish(job_id, JobState.FAILED, one_sentence(error))
    except Exception as another:
        # No room for the note either: the job counts as lost once its process has ended, and
        # why it failed still reaches the user.
        if not is_full_disk(another):
            raise


def one_sentence(error: BaseException) -> str:
    """An error as one sentence for the user."""
    if isinstance(error, AssayError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}"


def _interrupt(progress: JobProgress, signal_number: int, frame: Any) -> None:
    # Compiled code that calls back into Python swallows exceptions (numba while it compiles UMAP,
    # DuckDB between two queries): then the next stage or step ends the job.
    progress.cancel()
    raise KeyboardInterrupt
