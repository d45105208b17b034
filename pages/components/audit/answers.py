"""The answers on the Overview: one card a question, the strongest evidence first."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from assay.cache.audits.read import AuditFacts
from assay.core.findings.answers.answer import Answer, AuditAnswers, Question, Standing
from assay.core.findings.finding import MetricTable
from assay.core.findings.method_text import explained
from assay.core.specs.strategies import leading_strategy
from assay.pages.components.audit.answer_pictures import picture
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.page_table import PAGES
from assay.pages.components.palette import Badge

# Where each question is answered at length, the main page first.
_ROOMS = {
    Question.TOLD: ("membership", "evidence"),
    Question.PROVEN: ("vocabulary", "suspects"),
    Question.CLOSE: ("selection", "transport", "map"),
    Question.KIND: ("corpora", "class_balance", "vocabulary"),
}
# These show one strategy's selection: that of the answer.
_OF_ONE_STRATEGY = ("selection", "map")
_BADGES: dict[Standing, tuple[str, Badge]] = {
    Standing.SINGLE: (":material/verified:", "green"),
    Standing.GROUP: (":material/check_circle:", "blue"),
    Standing.RELATIVE: (":material/trending_up:", "blue"),
    Standing.NOT_FOUND: (":material/remove_circle:", "gray"),
    Standing.UNKNOWN: (":material/help:", "gray"),
}


def show_answers(path: Path, facts: AuditFacts, rows: MetricTable, found: AuditAnswers) -> None:
    """Every question with its answer, certainty, picture and pages."""
    for one in found.answers:
        _show(path, facts, rows, one, is_first=one is found.lead)


def show_standing_badge(standing: Standing) -> None:
    """How strong an answer's evidence is; point at it to read what that means."""
    icon, colour = _BADGES[standing]
    st.badge(standing.shown_as, icon=icon, color=colour, help=standing.meaning)


def show_failures(found: AuditAnswers) -> None:
    """What was tried without success, in a quiet place; nothing where all succeeded."""
    if not found.failed:
        return
    st.subheader("Tried without success", anchor=False)
    for sentence in found.failed:
        st.caption(f"- {markdown_safe(sentence)}", help=_terms(sentence))


def _show(path: Path, facts: AuditFacts, rows: MetricTable, one: Answer, is_first: bool) -> None:
    drawn = picture(one, path, facts, rows)
    with st.container(border=True, key=f"answer {one.question.name}"):
        left, *right = st.columns([3, 2] if drawn else 1, gap="medium")
        with left:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{one.question}**", width="content")
                show_standing_badge(one.standing)
            # The first is the page's answer; the others are as important as their evidence.
            said = markdown_safe(one.headline)
            terms = _terms(f"{one.headline} {one.certainty}")
            if is_first:
                st.subheader(said, anchor=False, help=terms)
            else:
                st.markdown(f"##### {said}", anchors=False, help=terms)
            st.caption(markdown_safe(one.certainty))
            for sentence in one.sentences:
                st.caption(markdown_safe(sentence))
            with st.container(horizontal=True, gap="small"):
                for name in _rooms(one.question, facts):
                    entry = PAGES[name]
                    about = {"audit": path.stem} if entry.needs_audit else {}
                    label = entry.title
                    if one.selected_by and name in _OF_ONE_STRATEGY:
                        about["strategy"] = one.selected_by.shown_as  # as the choice is named
                        # By itself the page opens with the leading strategy.
                        if one.selected_by != leading_strategy(facts.strategies):
                            label = f"{label}: {one.selected_by.shown_as}"
                    st.page_link(
                        entry.file, label=label, icon=entry.icon, query_params=about or None
                    )
        if drawn:
            with right[0]:
                show_chart(drawn.figure, key=f"picture {one.question.name}", alt=drawn.alt)
                st.caption(markdown_safe(drawn.caption))


def _rooms(question: Question, facts: AuditFacts) -> tuple[str, ...]:
    """A titration needs training documents in the seed corpus."""
    leaks = question is Question.TOLD and facts.meta.counts.n_leaked
    return (*_ROOMS[question], *(["titration"] if leaks else []))


def _terms(text: str) -> str | None:
    """What the words in the text mean, for its tooltip."""
    found = explained(text)
    return "  \n".join(f"**{word}**: {meaning}" for word, meaning in found.items()) or None
