"""A computation as a job: registered, reported, and ended in the right state."""

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
from assay.core.errors import AssayError, InputError, is_interruption
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
    """Run the body as the job a worker started it for, else as a new one of this process.

    SIGTERM ends the body as an interruption does; the job is then cancelled, not failed. Only the
    main thread can hear signals: elsewhere, as in a notebook's, SIGTERM ends the process.
    """
    store.require_writing()
    # Before any work: a wrong setting must not end it half-way.
    for variable in COUNTS:
        count_from(variable)
    table = JobTable(store)
    given = os.environ.pop(JOB_VARIABLE, None)
    if given:
        job_id = int(given) if given.isdecimal() else 0
        if table.get(job_id) is None:
            raise InputError(
                f"the number of a job of this store in the variable {JOB_VARIABLE}, which workers "
                "set",
                repr(given[:40]),
                "unset it",
            )
        table.start(job_id)
    else:
        job_id = table.begin(command, title)
    # A worker's console is the job's log, which has every line already.
    progress = JobProgress(table, job_id, plan, on_console and not given)
    hears_signals = threading.current_thread() is threading.main_thread()
    if hears_signals:
        heard = partial(_interrupt, progress)
        previous = {number: signal.signal(number, heard) for number in _STOPPING}
    try:
        with progress:
            try:
                yield progress
            except BaseException as error:
                if is_interruption(error):
                    progress.log("cancelled")
                    table.finish(job_id, JobState.CANCELLED)
                    raise
                progress.log(traceback.format_exc())
                table.finish(job_id, JobState.FAILED, one_sentence(error))
                raise
        table.finish(job_id, JobState.DONE)
    finally:
        if hears_signals:
            for number, handler in previous.items():
                signal.signal(number, handler)


def one_sentence(error: BaseException) -> str:
    """What to tell the user of an error."""
    if isinstance(error, AssayError):
        return str(error)
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}"


def _interrupt(progress: JobProgress, signal_number: int, frame: Any) -> None:
    # Compiled code that calls back into Python swallows exceptions (numba does while it compiles
    # UMAP, DuckDB between two queries): then the next stage or step ends the job.
    progress.cancel()
    raise KeyboardInterrupt
