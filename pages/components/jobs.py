"""How a job is shown, on any page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from assay.cache.jobs import Job, JobState
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.palette import Badge

COLOURS: dict[JobState, Badge] = {
    JobState.QUEUED: "gray",
    JobState.RUNNING: "blue",
    JobState.DONE: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "orange",
}


@dataclass(frozen=True)
class ResultLink:
    """Where a job's result is shown; ``query``: what names it in the address."""

    page: str
    label: str
    query: Callable[[Job], dict[str, str]]


def _by(parameter: str) -> Callable[[Job], dict[str, str]]:
    return lambda job: {parameter: job.result_id or ""}


def _sides(job: Job) -> dict[str, str]:
    return {"a": job.command[1], "b": job.command[2]}


def _run(job: Job) -> dict[str, str]:
    return {"recipe": job.command[1], "run": job.result_id or ""}


_AUDIT = ResultLink("overview", "Open the audit", _by("audit"))
_TOPICS = ResultLink("topics", "Open the topics", _by("decompression"))
# By command; a job of another has no page.
RESULTS = {
    "audit": _AUDIT,
    "demo": _AUDIT,
    "titrate": ResultLink("titration", "Open the titration", _by("audit")),
    "rank-corpora": ResultLink("corpora", "Open the ranking", _by("audit")),
    "suspect": ResultLink("suspects", "Open the test", _by("test")),
    "decompress": _TOPICS,
    "grade": _TOPICS,
    "diff": ResultLink("diff", "Open the diff", _sides),
    "echo": ResultLink("echo", "Open the comparison", _by("echo")),
    "experiment": ResultLink("experiments", "Open the experiment", _run),
}


def makes_an_audit(job: Job) -> bool:
    """Whether its result is one audit."""
    shown = RESULTS.get(job.command[0])
    return shown is not None and shown.page in ("overview", "titration", "corpora")


def job_line(job: Job) -> None:
    """Title, state and, while it runs, stage, percentage and time left."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{markdown_safe(job.title)}**", width="content")
        st.badge(job.state, color=COLOURS[job.state])
    if job.state is JobState.RUNNING:
        left = "" if job.eta_s is None else f" · {time_left(job.eta_s)} left"
        stopping = " · stopping" if job.is_cancel_requested else ""
        text = f"{markdown_safe(job.stage or 'starting')} · {job.progress:.0%}{left}{stopping}"
        st.progress(min(1.0, max(0.0, job.progress)), text=text)
    if job.error:
        st.caption(markdown_safe(job.error))


def time_left(seconds: float) -> str:
    """Rounded as a person would say it."""
    if seconds < 90:
        return f"{max(1, round(seconds)):d} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
