"""All audits of the store: what they found, find one, open, delete."""

from __future__ import annotations

import streamlit as st

from assay.cache.audits.read import list_audits
from assay.cache.experiments.cells import cells_by_experiment
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.start import start_job
from assay.pages.components.asked_for import accept_switch
from assay.pages.components.jobs import job_line
from assay.pages.components.navigation import enter, page_file
from assay.pages.components.page_table import PAGES
from assay.pages.components.paging import first_row
from assay.pages.components.store.audit_list import (
    ROWS_PER_PAGE,
    audit_lines,
    choose_lines,
    show_line,
)

enter()

_DEMO = ("demo", "--no-serve")
_CELLS = "Show audits of experiments"


def show_empty(store: Store) -> None:
    """What to do first: the demo or an audit of one's own, by a button or in a terminal."""
    st.write("There are no audits in this store yet.")
    is_demo_on_its_way = any(job.command[:1] == _DEMO[:1] for job in active_jobs())
    with st.container(horizontal=True, vertical_alignment="center"):
        if not store.is_for_reading and not is_demo_on_its_way:
            st.button(
                "Run the demo",
                type="primary",
                icon=":material/play_arrow:",
                on_click=start_demo,
                args=(store,),
            )
        if not store.is_for_reading:
            st.page_link(page_file("new_audit"), label="New audit", icon=PAGES["new_audit"].icon)
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


def start_demo(store: Store) -> None:
    """Run the demo in the background; this page then shows how far it is."""
    start_job(store, _DEMO, "Embedded demo")


def active_jobs() -> list[Job]:
    return [job for job in table.all() if job.state in (JobState.QUEUED, JobState.RUNNING)]


@st.fragment(run_every="2s")
def show_running() -> None:
    jobs = active_jobs()
    for job in jobs:
        job_line(job)
    if {job.job_id for job in jobs} != st.session_state.setdefault("running", set()):
        st.session_state["running"] = {job.job_id for job in jobs}
        st.rerun()


st.title("Audits")
table = JobTable(Store.default())
table.sweep_lost()
if active_jobs():
    show_running()
summaries = list_audits(Store.default())
if not summaries:
    show_empty(Store.default())
if len(summaries) > 1:
    st.page_link(page_file("compare"), label="Compare audits", icon=PAGES["compare"].icon)
experiments = {
    audit_id: name
    for name, audit_ids in cells_by_experiment(Store.default()).items()
    for audit_id in audit_ids
}
n_cells = sum(one.audit_id in experiments for one in summaries)
accept_switch("cells", _CELLS)
is_showing_cells = bool(n_cells) and st.toggle(
    f"{_CELLS} ({n_cells:,})", key="cells", bind="query-params"
)
offered = [one for one in summaries if is_showing_cells or one.audit_id not in experiments]
lines = audit_lines(offered, experiments, table.all())
chosen = choose_lines(lines) if len(lines) > 1 else lines
if lines and not chosen:
    st.info("No audit matches the search and filters.", icon=":material/filter_alt_off:")
first = first_row(len(chosen), ROWS_PER_PAGE, "audit") if chosen else 0
for line in chosen[first : first + ROWS_PER_PAGE]:
    show_line(line)
