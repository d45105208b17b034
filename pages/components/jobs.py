"""How a job is shown, on any page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from assay.cache.diffs.read import list_diffs
from assay.cache.experiments.read import list_experiments
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.page_table import PAGES
from assay.pages.components.palette import Badge

COLOURS: dict[JobState, Badge] = {
    JobState.QUEUED: "gray",
    JobState.RUNNING: "blue",
    JobState.DONE: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "orange",
}


# What names a result in the address of the page that shows it; None while there is no such result.
Query = dict[str, str] | None


@dataclass(frozen=True)
class ResultLink:
    """Where a job's result is shown; ``query``: what names it in the address."""

    page: str
    label: str
    query: Callable[[Store, Job], Query]


def _audit(store: Store, job: Job) -> Query:
    return _file("audit", store.audits, job.result_id)


def _topics(store: Store, job: Job) -> Query:
    return _file("decompression", store.decompressions, job.result_id)


def _file(parameter: str, folder: Path, name: str | None) -> Query:
    return {parameter: name} if name and (folder / f"{name}.duckdb").is_file() else None


def _test(store: Store, job: Job) -> Query:
    found = store.suspect_tests.read(job.result_id or "")
    return {"test": found.test_id} if found else None


def _echo(store: Store, job: Job) -> Query:
    found = store.echoes.read(job.result_id or "")
    return {"echo": found.echo_id} if found else None


def _sides(store: Store, job: Job) -> Query:
    found = next((one for one in list_diffs(store) if one.path.stem == job.result_id), None)
    return {"a": found.first, "b": found.second} if found else None


def _run(store: Store, job: Job) -> Query:
    found = next(
        (one for one in list_experiments(store) if one.experiment_id == job.result_id), None
    )
    return {"recipe": found.meta.recipe, "run": found.experiment_id} if found else None


def _reported(store: Store, job: Job) -> Query:
    """The audit that a report is on; none of a folder with the reports on all."""
    is_written = job.state is JobState.DONE
    return _file("audit", store.audits, job.command[1]) if is_written and job.command[1:] else None


_AUDIT = ResultLink("overview", "Open the audit", _audit)
# By command; a job of another has no page.
RESULTS = {
    "audit": _AUDIT,
    "demo": _AUDIT,
    "titrate": ResultLink("titration", "Open the titration", _audit),
    "rank-corpora": ResultLink("corpora", "Open the ranking", _audit),
    "suspect": ResultLink("suspects", "Open the test", _test),
    "decompress": ResultLink("topics", "Open the topics", _topics),
    "grade": ResultLink("examples", "Open the grades", _topics),
    "diff": ResultLink("diff", "Open the diff", _sides),
    "echo": ResultLink("echo", "Open the comparison", _echo),
    "experiment": ResultLink("experiments", "Open the experiment", _run),
    "report": ResultLink("report", "Open the report", _reported),
}
# What a command wrote, if not only for a page here, is what its log says last.
_WROTE, _LAST_LINES = "Wrote ", 20


def makes_an_audit(job: Job) -> bool:
    """Whether its result is one audit."""
    shown = RESULTS.get(job.command[0])
    return shown is not None and shown.page in ("overview", "titration", "corpora")


def result_link(store: Store, job: Job) -> None:
    """A link to what the job made, once it has ended and the store has it; and what else it wrote.

    A suspect test that is refused has failed and yet made a record that says why.
    """
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        return
    shown = RESULTS.get(job.command[0])
    query = shown.query(store, job) if shown else None
    if shown and query:
        st.page_link(
            PAGES[shown.page].file,
            label=shown.label,
            icon=":material/arrow_forward:",
            query_params=query,
        )
    writes = shown is None or shown.page == "report"
    if job.state is JobState.DONE and (writes or not query):
        said = JobTable(store).log_tail(job.job_id, _LAST_LINES).splitlines()
        if wrote := [one for one in said if one.startswith(_WROTE)]:
            st.caption(markdown_safe(wrote[-1]), width="content")


def job_line(job: Job) -> None:
    """Title, state and, while it runs, stage, percentage and time left."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{markdown_safe(job.title)}**", width="content")
        st.badge(job.state, color=COLOURS[job.state])
    if job.state is JobState.RUNNING:
        left = "" if job.eta_s is None else f" · {in_words(job.eta_s)} left"
        stopping = " · stopping" if job.is_cancel_requested else ""
        text = f"{markdown_safe(job.stage or 'starting')} · {job.progress:.0%}{left}{stopping}"
        st.progress(min(1.0, max(0.0, job.progress)), text=text)
    if job.error:
        st.caption(markdown_safe(job.error))


def in_words(seconds: float) -> str:
    """Seconds, rounded as a person would say it."""
    if seconds < 90:
        return f"{max(1, round(seconds)):d} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
