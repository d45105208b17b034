"""Starting a command as a job in the background."""

from __future__ import annotations

from collections.abc import Sequence

from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.jobs.worker import ensure_worker


def start_job(store: Store, command: Sequence[str], title: str) -> int:
    """Queue a command whose paths are absolute and see that it runs; returns the job's number.

    It runs in the store's folder, where a name of the hub cannot be mistaken for a folder of the
    user's. InputError where the same command waits or runs already; ReadOnlyStore if nothing may
    be started.
    """
    store.require_writing()
    table = JobTable(store)
    table.sweep_lost()
    same = next((job for job in table.all() if _is_same(job, command)), None)
    if same is not None:
        raise InputError(
            "a job that is not in the queue yet",
            f"the command of job {same.job_id}, which is {same.state}",
            "see the page Jobs, or change an option",
        )
    job_id = table.submit(command, title, store.root)
    ensure_worker(store)
    return job_id


def _is_same(job: Job, command: Sequence[str]) -> bool:
    is_active = job.state in (JobState.QUEUED, JobState.RUNNING)
    return is_active and job.command == tuple(command)
