"""All audits of the store: open, check, delete."""

from __future__ import annotations

from functools import partial

import streamlit as st

from assay.cache.audits.read import AuditSummary, list_audits
from assay.cache.experiments.cells import cells_by_experiment
from assay.cache.files.sealed import delete_audit
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.start import start_job
from assay.core.specs.audit import Assessability
from assay.pages.components.deletion import deletable
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.jobs import job_line
from assay.pages.components.navigation import enter, page_file
from assay.pages.components.page_table import PAGES

enter()

_DEMO = ("demo", "--no-serve")


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
        if "new_audit" in PAGES and not store.is_for_reading:
            st.page_link(page_file("new_audit"), label="New audit", icon=PAGES["new_audit"].icon)
    st.caption(
        "The demo fine-tunes a small built-in model and audits it. It takes some minutes and needs "
        "no network."
    )
    st.write("The same in a terminal:")
    st.code("make demo", language=None)
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


def _state(summary: AuditSummary) -> str:
    if summary.assessability is Assessability.NOT_ASSESSABLE:
        return "not assessable, no documents scored"
    return f"complete · {summary.budget:,} of {summary.n_documents:,} documents"


def show_audit(summary: AuditSummary, experiment: str | None) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.write(f"**{markdown_safe(summary.title)}**")
            if summary.problem:
                st.caption(f"unreadable — {markdown_safe(summary.problem)}")
            else:
                day, minute = summary.created_at[:10], summary.created_at[11:16]
                st.caption(
                    markdown_safe(
                        f"{_state(summary)} · {day} {minute} UTC · {summary.task} · "
                        f"{summary.size_bytes / 1e6:.1f} MB · {summary.audit_id}"
                        + (f" · part of the experiment {experiment}" if experiment else "")
                    )
                )
        if summary.problem is None:
            st.page_link(
                "pages/overview.py",
                label="Open",
                icon=":material/arrow_forward:",
                query_params={"audit": summary.audit_id},
            )
        deletable(
            "audit",
            summary.title,
            "This deletes the file permanently. The gradients stay in the cache, so the same "
            "audit can be run again quickly.",
            partial(delete_audit, Store.default(), summary.audit_id),
            label="Delete",
            key=f"delete-{summary.audit_id}",
            typed=summary.audit_id,
        )


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
is_showing_cells = bool(n_cells) and st.toggle(
    f"Show audits of experiments ({n_cells:,})", key="cells", bind="query-params"
)
for one in summaries:
    if is_showing_cells or one.audit_id not in experiments:
        show_audit(one, experiments.get(one.audit_id))
