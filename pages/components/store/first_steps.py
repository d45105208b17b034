"""What to do first in a store without audits: the demo, or an audit of one's own."""

from __future__ import annotations

import streamlit as st

from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.start import start_job
from assay.pages.components.jobs import job_line
from assay.pages.components.page_table import PAGES

_DEMO = ("demo", "--no-serve")


def show_first_steps(store: Store) -> None:
    """The demo by a button and a new audit by a link, and both in a terminal."""
    st.write("There are no audits yet.")
    is_demo_on_its_way = any(job.command[:1] == _DEMO[:1] for job in _active_jobs(store))
    with st.container(horizontal=True, vertical_alignment="center"):
        if not store.is_for_reading and not is_demo_on_its_way:
            st.button(
                "Run the demo",
                type="primary",
                icon=":material/play_arrow:",
                on_click=_start_demo,
                args=(store,),
            )
        if not store.is_for_reading:
            form = PAGES["new_audit"]
            st.page_link(
                form.file, label="New audit", icon=form.icon, query_params={"kind": "audit"}
            )
    st.caption(
        "The demo fine-tunes a small built-in model and audits it. It takes some minutes and needs "
        "no network."
    )
    st.write("The same in a terminal:")
    st.code("assay demo", language=None)
    st.write("An audit of your own models:")
    st.code(
        "assay audit --base BASE --final FINAL --seed-corpus pool.parquet \\\n"
        "  --task classification --budget 500",
        language=None,
    )


def show_active_jobs(store: Store) -> None:
    """Jobs that wait or run, live; the page runs again when one begins or ends."""
    JobTable(store).sweep_lost()
    if _active_jobs(store):
        _show_running(store)


@st.fragment(run_every="2s")
def _show_running(store: Store) -> None:
    jobs = _active_jobs(store)
    for job in jobs:
        job_line(job)
    if {job.job_id for job in jobs} != st.session_state.setdefault("running", set()):
        st.session_state["running"] = {job.job_id for job in jobs}
        st.rerun()


def _start_demo(store: Store) -> None:
    """Run the demo in the background; the page then shows how far it is."""
    start_job(store, _DEMO, "Demo")


def _active_jobs(store: Store) -> list[Job]:
    under_way = (JobState.QUEUED, JobState.RUNNING)
    return [job for job in JobTable(store).all() if job.state in under_way]
