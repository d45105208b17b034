"""What a comparison says: the answer, the settings, each audit's answers, and the differences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import streamlit as st

from assay.cache.export import Origin
from assay.core.comparison.audits import Comparison
from assay.core.findings.answers.answer import Answer, Question
from assay.core.findings.comparison import comparison_finding, letter, settings_sentence
from assay.core.findings.comparison_tables import (
    DIFFERENCES_NOTE,
    differences_table,
    settings_table,
)
from assay.core.findings.formatting import listed
from assay.core.findings.method_text import explained
from assay.core.specs.metrics import Metric
from assay.pages.components.audit import reads
from assay.pages.components.audit.answers import show_standing_badge
from assay.pages.components.charts import show_chart
from assay.pages.components.compare.charts import difference_plot
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table, wrapped_table

# Of more audits, the answers stand below each other.
_MOST_BESIDE = 3
_LONG = 9
_DRAWN = (Metric.MEMBERSHIP_AUC, Metric.RECALL, Metric.ACCURACY, Metric.LOSS)


def table_height(n_rows: int) -> int | Literal["content"]:
    """Long tables scroll, so that what follows is not far below."""
    return 320 if n_rows > _LONG else "content"


def show_answer(found: Comparison) -> None:
    """What is different and how sure, and what the audits have in common."""
    said = comparison_finding(found)
    terms = explained(f"{said.headline} {said.certainty}")
    with st.container(border=True):
        st.subheader(
            markdown_safe(said.headline),
            anchor=False,
            help="  \n".join(f"**{word}**: {meaning}" for word, meaning in terms.items()) or None,
        )
        st.write(markdown_safe(said.certainty))
        for sentence in said.sentences:
            st.caption(markdown_safe(sentence))


def show_settings(found: Comparison, origin: Origin) -> None:
    """The settings in which the audits differ."""
    st.subheader("Settings", anchor=False)
    st.write(markdown_safe(settings_sentence(found)))
    if found.differing:
        wrapped_table(origin, "settings", settings_table(found))


def show_answers_of_each(paths: Sequence[Path]) -> None:
    """The four questions of an audit, answered by each; what several say stands once."""
    st.subheader("What each audit found", anchor=False)
    answers = [reads.answers(path) for path in paths]
    for question in Question:
        said: dict[tuple[str, str], list[int]] = {}
        for i, own in enumerate(answers):
            one = own.to(question)
            said.setdefault((one.headline, one.certainty), []).append(i)
        with st.container(border=True):
            st.markdown(f"**{question}**")
            is_beside = len(said) <= _MOST_BESIDE
            places = st.columns(len(said), gap="medium") if is_beside else [st.container()]
            for number, audits in enumerate(said.values()):
                with places[number if is_beside else 0]:
                    _show(audits, answers[audits[0]].to(question))


def show_differences(found: Comparison, origin: Origin) -> None:
    """Paired differences as a chart and a table."""
    st.subheader("Differences", anchor=False)
    if not found.differences:
        st.info(
            "No difference can be tested: the audits share no documents with known roles, and no "
            "students tested on the same documents. The figures of each audit stand side by side "
            "below.",
            icon=":material/info:",
        )
        return
    is_pair = len(found.sides) == 2
    tested = {
        metric: [one for one in found.differences if one.metric is metric and not one.is_identical]
        for metric in _DRAWN
    }
    drawn = [metric for metric in _DRAWN if tested[metric]]
    if drawn:
        for column, metric in zip(st.columns(len(drawn)), drawn, strict=True):
            with column:
                st.markdown(f"**{metric.info.title}**")
                show_chart(
                    difference_plot(tested[metric], letter(1) if is_pair else "other"),
                    key=f"differences {metric}",
                    alt=f"Differences in {metric.info.title} with 95% intervals",
                )
        st.caption(
            "Bars: 95% intervals, not corrected for the number of comparisons. Filled: larger than "
            "chance after that correction (Holm). Open: not."
        )
    table = differences_table(found)
    exported_table(
        origin, "differences", table, note=DIFFERENCES_NOTE, height=table_height(len(table))
    )


def _show(audits: Sequence[int], one: Answer) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{listed([letter(i) for i in audits])}**", width="content")
        show_standing_badge(one.standing)
    st.write(markdown_safe(one.headline))
    st.caption(markdown_safe(one.certainty))
