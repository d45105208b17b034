"""The list of audits: what each found, what state it is in, and how to find one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import streamlit as st

from assay.cache.annotations.annotations import Annotated
from assay.cache.audits.read import AuditSummary, audit_path
from assay.cache.files.sealed import delete_audit
from assay.cache.jobs import Job, JobState
from assay.cache.store import Store
from assay.core.errors import AssayError
from assay.core.findings.answers.answer import Answer
from assay.core.findings.formatting import moment
from assay.core.specs.audit import Assessability
from assay.pages.components.annotations.deletion import deletable_with_annotations
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads
from assay.pages.components.audit.answers import show_standing_badge
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.jobs import makes_an_audit
from assay.pages.components.palette import Badge
from assay.pages.components.search_box import search_box

# An answer takes a fifth of a second to read for the first time.
ROWS_PER_PAGE = 10


class State(StrEnum):
    """What became of an audit. Those under way stand above the list."""

    FINISHED = "finished"
    FAILED = "failed"
    DAMAGED = "damaged"


class Order(StrEnum):
    NEWEST = "newest first"
    OLDEST = "oldest first"
    TITLE = "title"
    DOCUMENTS = "most documents"


_BADGES: dict[State, tuple[str, Badge]] = {
    State.FINISHED: (":material/check_circle:", "green"),
    State.FAILED: (":material/error:", "red"),
    State.DAMAGED: (":material/healing:", "orange"),
}


@dataclass(frozen=True)
class Line:
    """One audit of the list: a finished or damaged file, or a job that made none."""

    state: State
    title: str
    created_at: str
    summary: AuditSummary | None = None
    job: Job | None = None
    experiment: str | None = None

    def holds(self, words: str) -> bool:
        """Whether the audit is about all of the words, or has them in its title."""
        if self.summary:
            return self.summary.is_about(words)
        return all(word in self.title.lower() for word in words.lower().split())

    @property
    def n_documents(self) -> int:
        return self.summary.n_documents if self.summary else 0


def audit_lines(
    summaries: Sequence[AuditSummary], experiments: Mapping[str, str], jobs: Sequence[Job]
) -> list[Line]:
    """Finished and damaged audits, and jobs that failed since and were not repeated.

    ``experiments``: the experiment that an audit is a cell of.
    """
    lines = [
        Line(
            State.FINISHED if one.problem is None else State.DAMAGED,
            one.title,
            one.created_at,
            one,
            experiment=experiments.get(one.audit_id),
        )
        for one in summaries
    ]
    made = {one.audit_id for one in summaries if one.problem is None}
    seen = set[tuple[str, ...]]()
    for job in jobs:  # newest first
        is_latest = job.command not in seen
        seen.add(job.command)
        is_failed = job.state is JobState.FAILED and job.result_id not in made
        if is_latest and is_failed and makes_an_audit(job):
            at = datetime.fromtimestamp(job.ended_at or job.created_at, UTC).isoformat()
            lines.append(Line(State.FAILED, job.title, at, job=job))
    return lines


def choose_lines(lines: Sequence[Line]) -> list[Line]:
    """Those that match search and filter, in the chosen order; all of it is in the address."""
    first, second, third = st.columns([5, 2, 2])
    words = search_box(first, "Search", "title, model, corpus or name")
    accept_choice("state", "State", State)
    accept_choice("sort", "Sort by", Order)
    state = second.selectbox(
        "State", list(State), index=None, placeholder="all", key="state", bind="query-params"
    )
    order = third.selectbox("Sort by", list(Order), key="sort", bind="query-params")
    found = [one for one in lines if state in (None, one.state) and one.holds(words)]
    # Equal ones stay as they are: newest first.
    found.sort(key=lambda one: one.created_at, reverse=order != Order.OLDEST)
    if order == Order.TITLE:
        found.sort(key=lambda one: one.title.lower())
    if order == Order.DOCUMENTS:
        found.sort(key=lambda one: -one.n_documents)
    return found


def show_line(line: Line) -> None:
    """Title, state, answer and facts of one audit; it can be opened and deleted."""
    answer = _answer(line.summary) if line.state is State.FINISHED and line.summary else None
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{markdown_safe(line.title)}**", width="content")
                icon, colour = _BADGES[line.state]
                st.badge(line.state, icon=icon, color=colour)
                if answer:
                    show_standing_badge(answer.standing)
            if answer:
                st.markdown(markdown_safe(answer.headline))
            for sentence in _facts(line):
                st.caption(markdown_safe(sentence))
        if line.job:
            st.page_link("pages/jobs.py", label="Jobs", icon=":material/arrow_forward:")
        elif line.summary:
            _show_actions(line.summary)


def _answer(one: AuditSummary) -> Answer | None:
    """The answer with the strongest evidence, as the Overview begins; none if it cannot be read, or
    no document was scored."""
    if one.assessability is Assessability.NOT_ASSESSABLE:
        return None
    try:
        return reads.answers(audit_path(Store.default(), one.audit_id)).lead
    except (AssayError, OSError):
        return None


def _facts(line: Line) -> list[str]:
    at = moment(line.created_at)
    one = line.summary
    if one is None:
        return [(line.job and line.job.error) or "The job failed.", at]
    if one.problem is not None:
        return [f"unreadable — {one.problem}"]
    is_scored = one.assessability is not Assessability.NOT_ASSESSABLE
    found = [] if is_scored else ["not assessable, no documents scored"]
    facts = [at, one.task]
    if is_scored:
        facts.append(f"{one.budget:,} of {one.n_documents:,} documents")
    facts += [f"{one.size_bytes / 1e6:.1f} MB", one.audit_id]
    if line.experiment:
        facts.append(f"part of the experiment {line.experiment}")
    return [*found, " · ".join(facts)]


def _show_actions(one: AuditSummary) -> None:
    if one.problem is None:
        st.page_link(
            "pages/overview.py",
            label="Open",
            icon=":material/arrow_forward:",
            query_params={"audit": one.audit_id},
        )
    deletable_with_annotations(
        Annotated.audit(one.audit_id),
        "documents",
        one.title,
        "This deletes the file permanently. The gradients stay in the cache, so the same audit can "
        "be run again quickly.",
        delete_audit,
        row=f"delete-{one.audit_id}",
    )
