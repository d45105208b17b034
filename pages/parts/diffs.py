"""The parts of the Model diff page. What models said is shown as plain text only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cache.diffs import (
    DiffSummary,
    list_diffs,
    read_diff_branches,
    read_diff_examples,
    read_diff_topics,
)
from cache.export import Origin
from cache.home import Store
from cache.jobs import Job, JobState, JobTable
from cache.sealing import read_meta
from cache.topics import list_decompressions
from core.difference import Quantity
from core.jobs.worker import ensure_worker
from pages.parts.export import export_line
from pages.parts.jobs import job_line
from pages.parts.plain import markdown_safe

Meta = Mapping[str, Any]
_ACTIVE = (JobState.QUEUED, JobState.RUNNING)
_TABLE_HEIGHT = 430
_N_EXAMPLES = 500
_QUANTITIES = {Quantity.SUPPORT: "support of its subtopics", Quantity.QUALITY: "quality, 0 to 4"}


def chosen_pair(store: Store) -> tuple[str, str]:
    """The decompressions A and B in the address, else those of the newest diff, else the two
    newest; the page ends here where there are no two."""
    known = list_diffs(store)
    titles = {one.decompression_id: one.title for one in _sound(store)}
    for one in known:
        titles.setdefault(one.first, one.first)
        titles.setdefault(one.second, one.second)
    if len(titles) < 2:
        _show_empty(len(titles))
        st.stop()
    newest = list(titles)[:2][::-1] if not known else [known[0].first, known[0].second]
    pair = []
    for column, name, at in zip(st.columns(2), "AB", (0, 1), strict=True):
        asked = st.query_params.get(name.lower())
        if asked is not None and asked not in titles:
            st.warning(
                f"There is no decompression named {markdown_safe(asked)} in this store.",
                icon=":material/search_off:",
            )
            st.stop()
        start = asked or newest[at]
        picked = column.selectbox(
            name,
            list(titles),
            index=list(titles).index(start),
            key=f"{name}-{start}",
            format_func=lambda one: f"{titles[one]} · {one}",
        )
        st.query_params[name.lower()] = picked
        pair.append(picked)
    return pair[0], pair[1]


def diff_of(store: Store, first: str, second: str) -> DiffSummary | None:
    """The newest diff of A and B, one with a noise floor before any without."""
    own = [one for one in list_diffs(store) if (one.first, one.second) == (first, second)]
    return next((one for one in own if one.has_floor), own[0] if own else None)


def show_jobs(store: Store, first: str, second: str) -> None:
    """Comparisons that run or wait, live, and why that of this pair failed."""
    jobs = _jobs(store)
    is_active = any(job.state in _ACTIVE for job in jobs)

    def show() -> None:
        active = [job for job in _jobs(store) if job.state in _ACTIVE]
        for job in active:
            job_line(job)
        if bool(active) != is_active:
            st.rerun()  # the whole page: something has ended or begun

    if is_active:
        with st.container(border=True):
            st.fragment(show, run_every="2s")()
        return
    own = [job for job in jobs if job.command[1:3] == (first, second)]
    if own and own[0].state is JobState.FAILED:
        with st.container(border=True):
            job_line(own[0])


def show_uncompared(store: Store, first: str, second: str) -> None:
    """How to compare two decompressions that were not."""
    if first == second:
        st.info("A and B are one run: choose another.", icon=":material/info:")
        return
    st.write("These two have not been compared.")
    _compare_button(store, first, second, "Compare")
    st.write("Or in a terminal:")
    st.code(f"assay diff {first} {second}", language="bash")


def show_how_to_make_noise(store: Store, meta: Meta) -> None:
    """The command that makes a second run of A's model, and the comparison once it is there."""
    st.write("Make one, and compare again:")
    st.code(meta["noise_command"], language="bash", wrap_lines=True)
    _compare_button(store, meta["first"]["id"], meta["second"]["id"], "Compare again")


def show_topics(rows: pd.DataFrame, has_floor: bool, origin: Origin) -> None:
    """The topics that are reported, or all that were compared, as a table with downloads."""
    table = _topic_table(rows, has_floor)
    shown = table
    if has_floor:
        n_reported = int(rows["is_reported"].sum())
        views = {
            f"{n_reported:,} reported": rows["is_reported"],
            "All compared": [True] * len(rows),
        }
        chosen = st.segmented_control(
            "Show",
            list(views),
            default=list(views)[0 if n_reported else 1],
            key=f"topics {origin.name}",
            label_visibility="collapsed",
            required=True,
        )
        shown = table[views[chosen]]
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
                help="Fisher's exact test of the votes, corrected for all topics compared "
                "(Benjamini–Hochberg); at most 0.05 is significant",
            ),
        },
    )
    export_line(origin, "topics", lambda: table)
    st.caption(
        "Lost: B does not name it, here or elsewhere; gained: A does not; moved: named under "
        "another topic only; shifted: both name it here."
    )


def show_examples(path: Path, found: Meta) -> None:
    """Pairs of examples, the reported and the least alike first; the picked one side by side."""
    facts, rows = found["examples"], examples(path)
    if rows.empty:
        st.info(
            "The two wrote no example of the same style and difficulty on the same topic.",
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
                if found["noise"]
                else "no floor",
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
                format="%.2f", help="cosine between embeddings of the responses; 1 is the same"
            ),
            "q": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    st.caption(_examples_note(facts))
    picked = state.selection.rows[0] if state.selection.rows else 0
    row = rows.iloc[picked]
    for column, name, side in zip(st.columns(2), "AB", ("first", "second"), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{name}** · {markdown_safe(row['topic'])}")
            st.caption(markdown_safe(row[f"{side}_task"]))
            st.text(row[f"{side}_response"] or "(none)")


def branch_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every branch that both were asked about, in either run and beside made-up topics."""
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


def gap_note(meta: Meta) -> str:
    """When a branch counts as collapsed, with the floors."""
    floors = [
        f"{meta[name]['floor']['value']:.0%}"
        if name == Quantity.SUPPORT
        else f"{meta[name]['floor']['value']:.2f}"
        for name in Quantity
        if meta[name]["floor"]
    ]
    told = (
        f" Floors from two runs of one model: {' and '.join(floors)}."
        if floors
        else " Without a second run of either model there is no floor, and none is reported."
    )
    return (
        "A branch collapses where it falls from A to B by more than the floor, significantly, and, "
        "in support, to what made-up topics reach. Quality is as its judge sees it." + told
    )


def show_provenance(found: Meta) -> None:
    """Which runs were compared, and which said what noise is; each leads to its topics."""
    with st.expander("Provenance", icon=":material/fingerprint:"):
        runs = {"A": found["first"], "B": found["second"]}
        for number, pair in enumerate(found["noise"], 1):
            runs |= {f"noise {number}, first": pair[0], f"noise {number}, second": pair[1]}
        st.dataframe(
            pd.DataFrame([{"": name, **run} for name, run in runs.items()]),
            hide_index=True,
            height="content",
            placeholder="—",
        )
        for name in ("first", "second"):
            st.page_link(
                "pages/topics.py",
                label=f"Topics of {'A' if name == 'first' else 'B'}",
                icon=":material/account_tree:",
                query_params={"decompression": found[name]["id"]},
            )
        st.json(found["provenance"], expanded=False)


@st.cache_data(max_entries=32, show_spinner=False)
def meta(path: Path) -> dict[str, Any]:
    return read_meta(path)


@st.cache_data(max_entries=16, show_spinner=False)
def topics(path: Path) -> pd.DataFrame:
    """Topics of the two models, not those of the noise."""
    rows = read_diff_topics(path)
    return rows[rows["pair"] == 0]


@st.cache_data(max_entries=16, show_spinner=False)
def examples(path: Path) -> pd.DataFrame:
    return read_diff_examples(path, _N_EXAMPLES)


@st.cache_data(max_entries=16, show_spinner=False)
def branches(path: Path) -> pd.DataFrame:
    return read_diff_branches(path)


def _sound(store: Store) -> list[Any]:
    return [one for one in list_decompressions(store) if one.problem is None]


def _jobs(store: Store) -> list[Job]:
    table = JobTable(store)
    table.sweep_lost()
    return [job for job in table.all() if job.command[:1] == ("diff",)]


def _show_empty(n_known: int) -> None:
    st.write(
        "A diff needs two decompressions asked alike, of two models or versions"
        + (", of which there is one." if n_known else ", and there is none yet.")
        + " A second run of one of them, with another seed, says what is mere noise:"
    )
    st.code(
        "assay decompress --model ONE\n"
        "assay decompress --model OTHER\n"
        "assay decompress --model ONE --seed 1\n"
        "assay diff A B",
        language="bash",
    )
    st.caption("A and B are the names that the first two commands print.")


def _compare_button(store: Store, first: str, second: str, label: str) -> None:
    if any(job.state in _ACTIVE for job in _jobs(store)):
        return
    if st.button(label, icon=":material/difference:", type="primary"):
        JobTable(store).submit(["diff", first, second], f"Diff of {first} and {second}")
        ensure_worker(store)
        st.rerun()


def _topic_table(rows: pd.DataFrame, has_floor: bool) -> pd.DataFrame:
    names = [
        one if one == other or not other else (f"{one} / {other}" if one else other)
        for one, other in zip(rows["first_name"], rows["second_name"], strict=True)
    ]
    unreported = "within noise" if has_floor else "no floor"
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


def _examples_note(facts: Mapping[str, Any]) -> str:
    note = (
        f"{facts['n']:,} pairs of one style and difficulty on one topic; median likeness "
        f"{facts['median_cosine']:.2f}, {facts['n_same']:,} letter by letter the same. "
    )
    if facts["n_noise"]:
        note += (
            f"Between two runs of one model: {facts['n_noise']:,} pairs, median "
            f"{facts['median_noise_cosine']:.2f}, {facts['n_noise_same']:,} the same. A pair has "
            "changed if it is less alike than those explain, after correction for all pairs."
        )
    else:
        note += "Without a second run of either model nothing says how alike two runs would be."
    return note


def _amounts(values: pd.Series, is_support: pd.Series) -> list[str | None]:
    return [
        None if pd.isna(value) else (f"{value:.0%}" if percent else f"{value:.2f}")
        for value, percent in zip(values, is_support, strict=True)
    ]
