"""The parts of the Examples page. A model's texts are shown as plain text only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.among import Among
from assay.cache.annotations.annotations import Annotated
from assay.cache.decompressions.read import ExampleFilter, place_of_example, read_example
from assay.core.specs.annotations import Annotation, AnnotationFilter
from assay.core.specs.decompression import Difficulty, QualityFlag, Style
from assay.pages.components.annotations.choices import (
    annotation_columns,
    choose_annotations,
    column_settings,
    tags_of,
)
from assay.pages.components.annotations.editor import show_annotation
from assay.pages.components.asked_for import accept_choice, say_not_offered
from assay.pages.components.decompression.judges import grades_table, judges_answers
from assay.pages.components.decompression.reads import READ_AS
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import numbered
from assay.pages.components.search_box import search_box

ROWS_PER_PAGE = 100
_HOW_FLAGS_READ = (
    "Measured on the response. language: probability that it is English; length: words; "
    "near-duplicate: Jaccard index with the most similar earlier response; repetition: share of "
    "repeated runs of four words; validity: 1 if task, reasoning and response could be separated."
)
_PREVIEW_CHARACTERS = 200
_FEW_ROWS, _TABLE_HEIGHT = 10, 380
# More than any decompression has.
_MOST = 10**9
_SHOWN = "example that is shown"


def choose_examples(
    tree: pd.DataFrame, said: Mapping[int, Annotation]
) -> tuple[ExampleFilter, AnnotationFilter]:
    """The filters, stored in the address; and which of them are by what people said."""
    paths = {int(row.topic_id): row.path for row in tree.itertuples() if row.path}
    first, second, third = st.columns([3, 2, 2])
    search = search_box(first, "Search", "part of a word or phrase")
    accept_choice("styles", "Style", Style)
    accept_choice("difficulties", "Difficulty", Difficulty)
    accept_choice("topic", "Topic", paths)
    accept_choice("flagged", "With flag", QualityFlag)
    accept_choice("unflagged", "Without flag", QualityFlag)
    styles = second.multiselect(
        "Style", list(Style), key="styles", bind="query-params", placeholder="all"
    )
    difficulties = third.multiselect(
        "Difficulty", list(Difficulty), key="difficulties", bind="query-params", placeholder="all"
    )
    first, second, third, fourth, fifth = st.columns([3, 2, 2, 2, 2])
    # Written explicitly: a bound widget would put the whole path into the address, but links use
    # the number.
    asked = st.query_params.get("topic", "")
    ids = list(paths)
    topic_id = first.selectbox(
        "Topic and its subtopics",
        ids,
        index=ids.index(int(asked)) if asked.isdigit() and int(asked) in paths else None,
        format_func=paths.__getitem__,
        placeholder="all",
        key=f"topic-{asked}",
    )
    if topic_id is not None:
        st.query_params["topic"] = str(topic_id)
    elif asked:
        del st.query_params["topic"]
    flagged = second.multiselect(
        "With flag", list(QualityFlag), key="flagged", bind="query-params", placeholder="any"
    )
    unflagged = third.multiselect(
        "Without flag", list(QualityFlag), key="unflagged", bind="query-params", placeholder="none"
    )
    annotated = choose_annotations(fourth, fifth, said)
    chosen = ExampleFilter(
        search=search,
        topic_id=topic_id,
        styles=tuple(styles),
        difficulties=tuple(difficulties),
        flagged_by=tuple(flagged),
        not_flagged_by=tuple(unflagged),
        among=Among.annotated(annotated, said),
    )
    return chosen, annotated


def go_to_example(path: Path, chosen: ExampleFilter) -> None:
    """Go to the table's page with the example that a link names, or say why not."""
    asked = st.query_params.get("example", "")
    if not asked or asked == st.session_state.get(_SHOWN):
        return
    number = numbered(asked, _MOST)
    if number is None or place_of_example(path, ExampleFilter(), number) is None:
        say_not_offered("example", "Example")
        return
    place = place_of_example(path, chosen, number)
    if place is None:
        st.info(f"Example {number:,} is not among the rows below.", icon=":material/info:")
    else:
        st.session_state["page"] = place // ROWS_PER_PAGE + 1


def example_table(rows: pd.DataFrame, said: Mapping[int, Annotation], view: str) -> int:
    """The table; returns the selected example, by default the first or the one in the address."""
    asked = st.query_params.get("example", "")
    ids = rows["example_id"].tolist()
    start = ids.index(int(asked)) if asked.isdigit() and int(asked) in ids else 0
    shown = pd.DataFrame(
        {
            "topic": rows["topic"],
            "style": rows["style"],
            "difficulty": rows["difficulty"],
            "task": rows["task"].str.slice(0, _PREVIEW_CHARACTERS),
            "response": rows["response"].str.slice(0, _PREVIEW_CHARACTERS),
            # A row without flags has a missing value.
            "flags": [", ".join(f) if hasattr(f, "__len__") else "" for f in rows["flags"]],
            "quality": rows["quality"],
            **annotation_columns(ids, said),
        }
    )
    state = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height="content" if len(rows) < _FEW_ROWS else _TABLE_HEIGHT,
        key=f"examples {view}",
        placeholder="—",
        selection_default={"selection": {"rows": [start], "columns": [], "cells": []}},
        column_config={
            "topic": st.column_config.TextColumn("topic", width=110),
            "task": st.column_config.TextColumn("task", width=150),
            "response": st.column_config.TextColumn("response", width=170),
            "flags": st.column_config.TextColumn("flags", width=110),
            "quality": st.column_config.NumberColumn(
                "quality", format="%.1f", width=70, help="mean grade, 0 to 4"
            ),
            **column_settings(),
        },
    )
    picked = state.selection.rows[0] if state.selection.rows else start
    example_id = int(ids[picked])
    st.query_params["example"] = st.session_state[_SHOWN] = str(example_id)
    return example_id


def show_example(path: Path, example_id: int, said: Mapping[int, Annotation]) -> None:
    """One whole example, its flags and grades and, on request, the prompt and the raw answer."""
    example = read_example(path, example_id)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{markdown_safe(example['topic'])}**", width="content")
            for tag in (example["style"], example["difficulty"]):
                st.badge(tag, color="gray")
        show_annotation(
            Annotated.decompression(path.stem),
            str(example_id),
            said.get(example_id, Annotation()),
            tags_of(said),
        )
        for title, text in (
            ("Task", example["task"]),
            ("Reasoning", example["reasoning"]),
            ("Response", example["response"]),
        ):
            st.caption(title)
            st.text(text or "(none)")
        left, right = st.columns(2)
        left.dataframe(_flags_shown(example["marks"]), hide_index=True, height="content")
        left.caption(_HOW_FLAGS_READ)
        right.dataframe(grades_table(example["grades"]), hide_index=True, height="content")
        right.caption("Grades from 0 to 4, on the five axes of HelpSteer.")
        with st.expander("Prompt and raw output", icon=":material/data_object:"):
            st.code(example["prompt"], language=None, wrap_lines=True)
            st.code(example["raw"] or "(empty)", language=None, wrap_lines=True)
            for judge, raw in judges_answers(example["grades"]):
                st.caption(markdown_safe(f"Answer of {judge}"))
                st.code(raw or "(empty)", language=None, wrap_lines=True)
            st.caption(
                f"seed {example['seed']} · read as {READ_AS.get(example['rung'])} · attempt "
                f"{example['attempt'] + 1} · call {example['call_key'][:16]}"
            )


def _flags_shown(marks: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flag": marks["mark"],
            "flagged": marks["is_flagged"],
            "value": marks["value"],
            "note": [
                row.detail if pd.isna(row.neighbour_id) else f"nearest: example {row.neighbour_id}"
                for row in marks.itertuples()
            ],
        }
    )
