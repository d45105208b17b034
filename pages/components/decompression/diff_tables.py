"""The contents of a diff as tables and side by side; models' texts are plain text only."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.export import Origin
from assay.core.findings.diff import changed_topics
from assay.core.findings.formatting import bare_p_value, counted, listed, percentage_points
from assay.core.findings.table_cells import TableCell, as_numbers, as_text, p_cell
from assay.core.specs.decompression import HEURISTIC_JUDGE
from assay.core.specs.diff import Quantity
from assay.core.specs.results.diff import DiffResult, ExampleFacts
from assay.pages.components.decompression.diff_reads import examples
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import count_columns, export_line, sideways
from assay.pages.components.tables import shown_table

_TABLE_HEIGHT = 430
_ALL = "All compared"
_QUANTITIES = {Quantity.SUPPORT: "support", Quantity.QUALITY: "quality"}
_Q = st.column_config.TextColumn(
    width=72,
    help="p-value, corrected for all rows (Benjamini–Hochberg); 0.05 or less is significant",
)
_RUN_COLUMNS = {
    "seed": "seed",
    "model": "model",
    "backend": "backend",
    "judge": "examples graded by",
    "line": "support of made-up topics",
    "n_parameters": "parameters",
    "id": "decompression",
    "title": "title",
    "sha256": "hash",
    "is_weights_hash": "hash of the weights",
}


def show_how_topics_read(meta: DiffResult) -> None:
    """What is compared, what the changes mean, and where the noise lies."""
    counts, floor = meta.counts, meta.topics.floor
    lines = [
        f"Compared: {counted(counts.n_topics, 'topic')}, in answers to "
        f"{counted(counts.n_questions, 'question')} that both models were asked. Named too rarely "
        f"to show a difference: {counted(counts.n_left_out, 'more topic')}.",
        "Support: share of the sampled lists that name the topic. A topic that too few lists name "
        "is not in a model's tree.",
        "Lost: not in B's tree. Gained: not in A's tree. Moved: in both trees, under different "
        "topics. Shifted: named by both under the same topic, with different support.",
        "Grey band: noise. Between two runs of the same model, 95% of topics stay inside."
        if floor
        else "Without a noise run, no difference can be reported.",
    ]
    for line in lines:
        st.caption(line)


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
    percent = st.column_config.NumberColumn(format="%.0f%%", width=96)
    st.dataframe(
        as_text(shown),
        hide_index=True,
        height=_TABLE_HEIGHT if len(shown) > 10 else "content",
        placeholder="—",
        column_config={
            "change": st.column_config.TextColumn(width=100),
            "topic": st.column_config.TextColumn(width=150),
            "under": st.column_config.TextColumn(width=110),
            "support in A": percent,
            "support in B": percent,
            "elsewhere": st.column_config.TextColumn(
                width=190,
                help="of a topic that moved: its place in the tree that does not have it here",
            ),
            "q": _Q,
        },
    )
    export_line(
        origin,
        "topics",
        as_numbers(shown),
        sideways(
            "q: p-value of Fisher's exact test on the number of lists, corrected for all compared "
            "topics (Benjamini–Hochberg); 0.05 or less is significant."
        ),
        chosen={"only_reported": not is_all},
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
    state = shown_table(
        pd.DataFrame(
            {
                "topic": rows["topic"],
                "style": rows["style"],
                "difficulty": rows["difficulty"],
                "same task": rows["first_task"] == rows["second_task"],
                "similarity": rows["cosine"],
                "q": rows["q_value"].map(bare_p_value, na_action="ignore"),
                "result": ["changed" if one else "within noise" for one in rows["is_reported"]]
                if facts.n_noise
                else ("unknown" if found.noise else "no noise run"),
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
            "similarity": st.column_config.NumberColumn(
                format="%.2f",
                help="cosine of the embeddings of the two responses; 1: the same meaning",
            ),
            "q": _Q,
        },
    )
    note = _examples_note(facts, bool(found.noise))
    export_line(origin, "examples", rows.drop(columns=["row_id", "pair"]), note)
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
            "result": ["gap in B" if one else "no gap" for one in rows["is_reported"]],
            "quantity": [_QUANTITIES[Quantity(one)] for one in rows["quantity"]],
            "A": _amounts(rows["first_value"], is_support),
            "B": _amounts(rows["second_value"], is_support),
            "made-up topics, A": _amounts(rows["first_line"], is_support),
            "made-up topics, B": _amounts(rows["second_line"], is_support),
            "q": [p_cell(one) for one in rows["q_value"]],
        }
    )


def gap_note(meta: DiffResult) -> str:
    """When a branch counts as a gap, with the noise floors."""
    floors = [
        f"{percentage_points(floor.value)} percentage points of support"
        if quantity is Quantity.SUPPORT
        else f"{floor.value:.2f} of quality"
        for quantity in Quantity
        if (floor := meta.branches(quantity).floor)
    ]
    told = (
        f"Noise floors: {listed(floors)}."
        if floors
        else "Without a noise run there is no noise floor, so no gap is reported."
    )
    return (
        "Branch: a topic with its subtopics. Support: mean support of its subtopics. Quality: mean "
        f"grade of its examples, 0 to 4{_graded_by(meta)}. B has a gap where a branch "
        "is significantly lower than in A (q ≤ 0.05), by more than the noise floor; its support "
        "must also be no higher than that of made-up topics, which are meaningless names asked "
        f"as a control. {told}"
    )


def _graded_by(meta: DiffResult) -> str:
    """Whose grades the quality is made of; grades of two judges are not compared."""
    judges = {meta.first.judge, meta.second.judge}
    if judges == {HEURISTIC_JUDGE}:
        return ", by a heuristic without a judge model"
    return f", by the judge {judges.pop()}" if len(judges) == 1 else ""


def show_provenance(found: DiffResult) -> None:
    """Which runs were compared, and which measured the noise; each links to its topics."""
    with st.expander("Provenance", icon=":material/fingerprint:"):
        runs = {"A": found.first, "B": found.second}
        for number, pair in enumerate(found.noise, 1):
            runs |= {f"noise {number}, first": pair[0], f"noise {number}, second": pair[1]}
        table = pd.DataFrame(
            {"run": name, **{title: getattr(run, key) for key, title in _RUN_COLUMNS.items()}}
            for name, run in runs.items()
        )
        st.dataframe(
            table,
            hide_index=True,
            height="content",
            placeholder="—",
            column_config=count_columns(table),
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
    changed = changed_topics(rows)
    unreported = "within noise" if has_floor else "no noise run"
    changed["change"] = changed["change"].where(rows["is_reported"], unreported)
    changed.insert(len(changed.columns) - 1, "elsewhere", rows["elsewhere"])
    return changed


def _examples_note(facts: ExampleFacts, has_noise_run: bool) -> str:
    note = (
        "Similarity: cosine of the embeddings of the two responses. A and B have "
        f"{counted(facts.n, 'pair')} of examples with the same topic, style and difficulty; median "
        f"similarity {facts.median_cosine:z.2f}, {facts.n_same:,} identical. "
    )
    if facts.n_noise:
        note += (
            f"Two runs of the same model have {counted(facts.n_noise, 'pair')}; median similarity "
            f"{facts.median_noise_cosine:z.2f}, {facts.n_noise_same:,} identical. A pair has "
            "changed if it is less similar than these (q ≤ 0.05; q: p-value, corrected for all "
            "pairs by Benjamini–Hochberg)."
        )
    elif has_noise_run:
        note += (
            "Two runs of the same model have no such pair, so it is unknown how similar they would "
            "be."
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
