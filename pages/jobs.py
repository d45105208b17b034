"""Running, queued and finished jobs: stage, percent, time left, cancel, resume, log."""

from __future__ import annotations

import datetime
import shlex

import streamlit as st

from assay.cache.files.quarantine import list_set_aside
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.worker import ensure_worker
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.jobs import in_words, job_line, result_link
from assay.pages.components.navigation import enter, page_file
from assay.pages.components.new_job.again import offer_again, settings_of_command
from assay.pages.components.new_job.kinds import JOB_TITLES
from assay.pages.components.paging import first_row

enter()

_ACTIVE = (JobState.QUEUED, JobState.RUNNING)
_LOG_LINES, _ROWS_PER_PAGE = 200, 25
store = Store.default()
table = JobTable(store)


def show_job(job: Job) -> None:
    with st.container(border=True):
        job_line(job)
        started = job.started_at or job.created_at
        began = datetime.datetime.fromtimestamp(started, datetime.UTC)
        when = f"{began:%Y-%m-%d %H:%M} UTC"
        took = f" · took {in_words(job.ended_at - started)}" if job.ended_at else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            kind = JOB_TITLES.get(job.command[0])
            what = f"{kind} · " if kind else ""
            st.caption(f"{what}job {job.job_id} · {when}{took}", width="content")
            result_link(store, job)
            show_actions(job)
        with st.expander("Command and log", key=f"log-{job.job_id}", on_change="rerun") as opened:
            if opened.open:
                st.code(shlex.join(["assay", *job.command]), language=None, wrap_lines=True)
                st.code(
                    table.log_tail(job.job_id, _LOG_LINES) or "(empty)", language=None, height=320
                )


def show_actions(job: Job) -> None:
    if store.is_for_reading:
        return
    if job.state in _ACTIVE and not job.is_cancel_requested:
        if st.button(
            "Cancel", key=f"cancel-{job.job_id}", icon=":material/stop_circle:", type="tertiary"
        ):
            table.request_cancel(job.job_id)
            st.rerun()
    elif job.state in (JobState.FAILED, JobState.CANCELLED) and st.button(
        "Resume", key=f"resume-{job.job_id}", icon=":material/replay:", type="tertiary"
    ):
        table.requeue(job.job_id)
        ensure_worker(store)
        st.rerun()
    offer_again(settings_of_command(job.command, job.folder), f"again-{job.job_id}")
    if job.state not in _ACTIVE and st.button(
        "Remove", key=f"remove-{job.job_id}", icon=":material/delete:", type="tertiary"
    ):
        table.remove(job.job_id)
        st.rerun()


@st.fragment(run_every="2s")
def show_all() -> None:
    """Looks again all the time: a job may begin in a terminal, or on another page."""
    table.sweep_lost()
    jobs = table.all()
    if not jobs:
        show_none()
        return
    begin = first_row(len(jobs), _ROWS_PER_PAGE, "job")
    for job in jobs[begin : begin + _ROWS_PER_PAGE]:
        show_job(job)


def show_none() -> None:
    st.write(
        "No jobs yet. Every `assay` command that computes something appears here; with `--queue` "
        "it runs in the background:"
    )
    st.code(
        "assay audit --base BASE --final FINAL --seed-corpus pool.parquet --queue", language=None
    )


st.title("Jobs")
st.caption(
    "Jobs run in their own processes: closing this page or stopping the server does not stop them."
)
for moved in list_set_aside(store):
    st.warning(
        markdown_safe(f"{moved.was} was damaged ({moved.why}) and was moved to {moved.now}."),
        icon=":material/healing:",
    )
if not store.is_for_reading:
    st.page_link(page_file("new_audit"), label="New job", icon=":material/add_circle:")
show_all()
