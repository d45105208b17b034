"""`assay jobs`: list, follow, cancel and resume."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from assay.core.cli.options import JsonOption, StoreOption, open_store, say, say_json
from assay.core.errors import InputError

if TYPE_CHECKING:
    from assay.cache.jobs import Job, JobState, JobTable

app = typer.Typer(
    name="jobs",
    add_completion=False,
    no_args_is_help=True,
    help="List, follow, cancel and resume jobs.",
)


@app.command("list")
def list_jobs(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List all jobs, newest first."""
    jobs = _jobs(store).all()
    if as_json:
        say_json({"jobs": [_facts(job) for job in jobs]})
        return
    say(
        {
            job.job_id: f"{job.state} {job.progress:.0%} {job.title}"
            + (f": {job.error}" if job.error else "")
            for job in jobs
        },
        as_json=False,
    )


@app.command()
def cancel(job_id: int, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Cancel a job; what it has computed so far is kept."""
    from assay.cache.jobs import JobState

    table = _job_table(store, job_id, JobState.QUEUED, JobState.RUNNING)
    table.request_cancel(job_id)
    _say_state(table, job_id, as_json)


@app.command()
def log(
    job_id: int, n_lines: int = 50, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """Show the last lines of a job's log."""
    lines = _job_table(store, job_id).log_tail(job_id, n_lines)
    if as_json:
        say_json({"job_id": job_id, "lines": lines.splitlines()})
    else:
        typer.echo(lines)


@app.command()
def resume(job_id: int, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Queue a failed or cancelled job again; it continues where it stopped."""
    from assay.cache.jobs import JobState
    from assay.core.jobs.worker import ensure_worker

    table = _job_table(store, job_id, JobState.FAILED, JobState.CANCELLED)
    table.requeue(job_id)
    ensure_worker(open_store(store))
    _say_state(table, job_id, as_json)


def _say_state(table: JobTable, job_id: int, as_json: bool) -> None:
    job = table.get(job_id)
    if as_json and job is not None:
        say_json(_facts(job))


def _facts(job: Job) -> dict[str, Any]:
    return {**asdict(job), "is_lost": job.is_lost}


def _jobs(store: Path | None) -> JobTable:
    # Here, because `assay --help` asks every command's module.
    from assay.cache.jobs import JobTable

    table = JobTable(open_store(store))
    table.sweep_lost()
    return table


def _job_table(store: Path | None, job_id: int, *states: JobState) -> JobTable:
    """The store's jobs; InputError unless this job exists, in one of ``states`` if any is given."""
    table = _jobs(store)
    job = table.get(job_id)
    if job is None or (states and job.state not in states):
        got = f"{job_id}, which is {job.state}" if job else str(job_id)
        which = f" that is {' or '.join(states)}" if states else ""
        raise InputError(f"the number of a job{which}", got, "see `assay jobs list`")
    return table
