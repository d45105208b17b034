"""All audits of the store: open, check, delete."""

from __future__ import annotations

from functools import partial

import streamlit as st

from assay.cache.audits.read import AuditSummary, list_audits
from assay.cache.experiments.cells import cells_by_experiment
from assay.cache.files.sealed import delete_audit
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.specs.audit import Assessability
from assay.pages.components.deletion import deletable
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.jobs import job_line
from assay.pages.components.navigation import enter, page_file

enter()


def show_empty() -> None:
    st.write(
        "There are no audits in this store yet. To run the built-in demo in a terminal, which "
        "takes a few minutes and needs no network:"
    )
    st.code("make demo", language="bash")
    st.page_link(page_file("new_audit"), label="New job", icon=":material/add_circle:")
    st.write("To audit your own models in a terminal:")
    st.code(
        "assay audit --base BASE --final FINAL --seed-corpus pool.parquet \\\n"
        "  --task classification --budget 500",
        language="bash",
    )


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
    jobs = [job for job in table.all() if job.state in (JobState.QUEUED, JobState.RUNNING)]
    for job in jobs:
        job_line(job)
    if {job.job_id for job in jobs} != st.session_state.setdefault("running", set()):
        st.session_state["running"] = {job.job_id for job in jobs}
        st.rerun()


st.title("Audits")
table = JobTable(Store.default())
table.sweep_lost()
if any(job.state in (JobState.QUEUED, JobState.RUNNING) for job in table.all()):
    show_running()
summaries = list_audits(Store.default())
if not summaries:
    show_empty()
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
