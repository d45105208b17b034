"""`assay jobs`: list, follow, cancel and resume."""

from __future__ import annotations

from pathlib import Path

import typer

from cache.jobs import JobTable
from core.cli.options import JsonOption, StoreOption, open_store, say
from core.errors import InputError

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
    _job_table(store, job_id).request_cancel(job_id)


@jobs_app.command()
def log(job_id: int, n_lines: int = 50, store: StoreOption = None) -> None:
    """The last lines of a job's log."""
    typer.echo(_job_table(store, job_id).log_tail(job_id, n_lines))


@jobs_app.command()
def resume(job_id: int, store: StoreOption = None) -> None:
    """Queue an ended job again; it continues where it was."""
    from core.jobs.worker import ensure_worker

    _job_table(store, job_id).requeue(job_id)
    ensure_worker(open_store(store))


def _job_table(store: Path | None, job_id: int) -> JobTable:
    table = JobTable(open_store(store))
    if table.get(job_id) is None:
        raise InputError("the number of a job", str(job_id), "see `assay jobs list`")
    return table
