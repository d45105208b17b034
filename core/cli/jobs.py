"""`assay jobs`: list, follow, cancel and resume."""

from __future__ import annotations

from pathlib import Path

import typer

from assay.cache.jobs import JobState, JobTable
from assay.core.cli.options import JsonOption, StoreOption, open_store, say
from assay.core.errors import InputError

jobs_app = typer.Typer(no_args_is_help=True, help="List, follow, cancel and resume jobs.")


@jobs_app.command("list")
def list_jobs(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Every job, newest first."""
    table = JobTable(open_store(store))
    table.sweep_lost()
    say(
        {
            job.job_id: f"{job.state} {job.progress:.0%} {job.title}"
            + (f": {job.error}" if job.error else "")
            for job in table.all()
        },
        as_json,
    )


@jobs_app.command()
def cancel(job_id: int, store: StoreOption = None) -> None:
    """Ask a job to stop; what it has computed is kept."""
    table = _job_table(store, job_id, JobState.QUEUED, JobState.RUNNING)
    table.request_cancel(job_id)


@jobs_app.command()
def log(job_id: int, n_lines: int = 50, store: StoreOption = None) -> None:
    """The last lines of a job's log."""
    typer.echo(_job_table(store, job_id, *JobState).log_tail(job_id, n_lines))


@jobs_app.command()
def resume(job_id: int, store: StoreOption = None) -> None:
    """Queue an ended job again; it continues where it was."""
    from assay.core.jobs.worker import ensure_worker

    table = _job_table(store, job_id, JobState.FAILED, JobState.CANCELLED)
    table.requeue(job_id)
    ensure_worker(open_store(store))


def _job_table(store: Path | None, job_id: int, *states: JobState) -> JobTable:
    """The store's jobs; InputError unless the job is there and in one of ``states``."""
    table = JobTable(open_store(store))
    table.sweep_lost()
    job = table.get(job_id)
    if job is None or job.state not in states:
        got = f"{job_id}, which is {job.state}" if job else str(job_id)
        raise InputError(
            f"the number of a job that is {' or '.join(states)}", got, "see `assay jobs list`"
        )
    return table
