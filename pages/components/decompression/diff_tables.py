"""The contents of a diff as tables and side by side; models' texts are plain text only."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.export import Origin
from assay.core.findings.table_cells import TableCell
from assay.core.specs.diff import Quantity
from assay.core.specs.results.diff import DiffResult, ExampleFacts
from assay.pages.components.decompression.diff_reads import examples
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import export_line

_TABLE_HEIGHT = 430
_ALL = "All compared"
_QUANTITIES = {Quantity.SUPPORT: "support of its subtopics", Quantity.QUALITY: "quality, 0 to 4"}


def show_topics(rows: pd.DataFrame, has_floor: bool, origin: Origin) -> None:
    """The reported topics, or all compared ones, as a table with downloads."""
    table = _topic_table(rows, has_floor)
    shown, is_all = table, True
    if has_floor:
        n_reported = int(rows["is_reported"].sum())
        views = {
            f"{n_reported:,} reported": rows["is_reported"],
            _ALL: [True] * len(rows),
        }
        chosen = st.segmented_control(
            "Show",
            list(views),
            default=list(views)[0 if n_reported else 1],
            key=f"topics {origin.name}",
            label_visibility="collapsed",
            required=True,
        )
        shown, is_all = table[views[chosen]], chosen == _ALL
    if shown.empty:
        st.info("No difference is reported.", icon=":material/info:")
        return
    percent = st.column_config.NumberColumn(format="%.0f%%", width=56)
    st.dataframe(
        shown,
        hide_index=True,
        height=_TABLE_HEIGHT if len(shown) > 10 else "content",
        placeholder="—",
        column_config={
            "change": st.column_config.TextColumn(width=84),
            "topic": st.column_config.TextColumn(width=130),
            "under": st.column_config.TextColumn(width=104),
            "A": percent,
            "B": percent,
            "q": st.column_config.NumberColumn(
                format="%.3f",
                width=56,
                help="Fisher's exact test on the number of lists, corrected for all compared "
                "topics (Benjamini–Hochberg); 0.05 or less is significant",
            ),
        },
    )
    export_line(origin, "topics", shown, chosen={"only_reported": not is_all})
    st.caption(
        "Lost: B does not name the topic anywhere. Gained: A does not name it anywhere. Moved: "
        "one of them names it only under another topic. Shifted: both name it here, with "
        "different support."
    )


def show_examples(path: Path, found: DiffResult, origin: Origin) -> None:
    """Pairs of examples, reported and least similar first; the selected one side by side."""
    facts, rows = found.examples, examples(path)
    if rows.empty:
        st.info(
            "A and B have no examples of the same style and difficulty on the same topic.",
            icon=":material/info:",
        )
        return
    state = st.dataframe(
        pd.DataFrame(
            {
                "topic": rows["topic"],
                "style": rows["style"],
                "difficulty": rows["difficulty"],
                "same task": rows["first_task"] == rows["second_task"],
                "likeness": rows["cosine"],
                "q": rows["q_value"],
                "": ["changed" if one else "within noise" for one in rows["is_reported"]]
                if found.noise
                else "no noise run",
            }
        ),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"examples {path.stem}",
        selection_default={"selection": {"rows": [0], "columns": [], "cells": []}},
        height=240 if len(rows) > 5 else "content",
        placeholder="—",
        column_config={
            "likeness": st.column_config.NumberColumn(
                format="%.2f", help="cosine between embeddings of the responses; 1 means the same"
            ),
            "q": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    export_line(origin, "examples", rows.drop(columns=["row_id", "pair"]), _examples_note(facts))
    picked = state.selection.rows[0] if state.selection.rows else 0
    row = rows.iloc[picked]
    for column, name, side in zip(st.columns(2), "AB", ("first", "second"), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{name}** · {markdown_safe(row['topic'])}")
            st.caption(markdown_safe(row[f"{side}_task"]))
            st.text(row[f"{side}_response"] or "(none)")


def branch_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every branch that both were asked about, in both runs, with made-up topics."""
    is_support = rows["quantity"] == Quantity.SUPPORT
    return pd.DataFrame(
        {
            "branch": rows["branch"],
            "quantity": [_QUANTITIES[Quantity(one)] for one in rows["quantity"]],
            "A": _amounts(rows["first_value"], is_support),
            "B": _amounts(rows["second_value"], is_support),
            "made-up topics, A": _amounts(rows["first_line"], is_support),
            "made-up topics, B": _amounts(rows["second_line"], is_support),
            "q": rows["q_value"].round(4),
            "": ["collapses in B" if one else "" for one in rows["is_reported"]],
        }
    )


def gap_note(meta: DiffResult) -> str:
    """When a branch counts as collapsed, with the noise floors."""
    floors = [
        f"{floor.value:.0%}" if quantity is Quantity.SUPPORT else f"{floor.value:.2f}"
        for quantity in Quantity
        if (floor := meta.branches(quantity).floor)
    ]
    told = (
        f" Noise floors from two runs of the same model: {' and '.join(floors)}."
        if floors
        else " Without a noise run there is no noise floor, so no collapse is reported."
    )
    return (
        "A branch collapses if it falls significantly from A to B, by more than the noise floor. "
        "In support it must also fall to what made-up topics reach. Quality is the judge's opinion."
        + told
    )


def show_provenance(found: DiffResult) -> None:
    """Which runs were compared, and which measured the noise; each links to its topics."""
    with st.expander("Provenance", icon=":material/fingerprint:"):
        runs = {"A": found.first, "B": found.second}
        for number, pair in enumerate(found.noise, 1):
            runs |= {f"noise {number}, first": pair[0], f"noise {number}, second": pair[1]}
        st.dataframe(
            pd.DataFrame([{"": name, **asdict(run)} for name, run in runs.items()]),
            hide_index=True,
            height="content",
            placeholder="—",
        )
        for name, run in (("A", found.first), ("B", found.second)):
            st.page_link(
                "pages/topics.py",
                label=f"Topics of {name}",
                icon=":material/account_tree:",
                query_params={"decompression": run.id},
            )
        st.json(found.provenance, expanded=False)


def _topic_table(rows: pd.DataFrame, has_floor: bool) -> pd.DataFrame:
    names = [
        one if one == other or not other else (f"{one} / {other}" if one else other)
        for one, other in zip(rows["first_name"], rows["second_name"], strict=True)
    ]
    unreported = "within noise" if has_floor else "no noise run"
    return pd.DataFrame(
        {
            "change": rows["change"].where(rows["is_reported"], unreported),
            "topic": names,
            "under": rows["question"].replace("", "(all topics)"),
            "A": 100 * rows["first_support"],
            "B": 100 * rows["second_support"],
            "q": rows["q_value"],
            "elsewhere": rows["elsewhere"],
        }
    )


def _examples_note(facts: ExampleFacts) -> str:
    note = (
        f"{facts.n:,} pairs with the same style, difficulty and topic; median similarity "
        f"{facts.median_cosine:.2f}, {facts.n_same:,} identical. "
    )
    if facts.n_noise:
        note += (
            f"Between two runs of the same model: {facts.n_noise:,} pairs, median "
            f"{facts.median_noise_cosine:.2f}, {facts.n_noise_same:,} identical. A pair has "
            "changed if it is less similar than these explain, corrected for all pairs."
        )
    else:
        note += "Without a noise run it is unknown how similar two runs would be."
    return note


def _amounts(values: pd.Series, is_support: pd.Series) -> list[TableCell | None]:
    # Support and quality share a column; in exports, support is a share.
    return [
        None
        if pd.isna(value)
        else TableCell.of(f"{value:.0%}" if percent else f"{value:.2f}", value=value)
        for value, percent in zip(values, is_support, strict=True)
    ]
