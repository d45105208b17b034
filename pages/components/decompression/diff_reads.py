"""Which two runs a diff compares, how to compare others, and cached reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.decompressions.read import list_decompressions
from assay.cache.diffs.read import (
    DiffSummary,
    list_diffs,
    read_diff_branches,
    read_diff_examples,
    read_diff_topics,
)
from assay.cache.files.sealed import read_result
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.jobs.worker import ensure_worker
from assay.core.specs.results.diff import DiffResult
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.job_offer import offer_job
from assay.pages.components.jobs import job_line

_ACTIVE = (JobState.QUEUED, JobState.RUNNING)
_N_EXAMPLES = 500


def chosen_pair(store: Store) -> tuple[str, str]:
    """The decompressions A and B in the address, otherwise those of the newest diff, otherwise the
    two newest.

    The page ends here if there are no two.
    """
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
    """The newest diff of A and B; diffs with a noise floor come before those without."""
    own = [one for one in list_diffs(store) if (one.first, one.second) == (first, second)]
    return next((one for one in own if one.has_floor), own[0] if own else None)


def show_jobs(store: Store, first: str, second: str) -> None:
    """Running and queued comparisons, live, and why this pair's comparison failed."""
    jobs = _jobs(store)
    is_active = any(job.state in _ACTIVE for job in jobs)

    def show() -> None:
        active = [job for job in _jobs(store) if job.state in _ACTIVE]
        for job in active:
            job_line(job)
        if bool(active) != is_active:
            st.rerun()  # the whole page: something has ended or started

    if is_active:
        with st.container(border=True):
            st.fragment(show, run_every="2s")()
        return
    own = [job for job in jobs if job.command[1:3] == (first, second)]
    if own and own[0].state is JobState.FAILED:
        with st.container(border=True):
            job_line(own[0])


def show_uncompared(store: Store, first: str, second: str) -> None:
    """How to compare two decompressions that have not been compared."""
    if first == second:
        st.info("A and B are the same run: choose another.", icon=":material/info:")
        return
    st.write("These two have not been compared yet.")
    _compare_button(store, first, second, "Compare")
    st.write("Or in a terminal:")
    st.code(f"assay diff {first} {second}", language=None)


def show_how_to_make_noise(store: Store, meta: DiffResult) -> None:
    """The command for a second run of A's model, and the comparison once it exists."""
    st.write("Make one, and compare again:")
    st.code(meta.noise_command, language=None, wrap_lines=True)
    _compare_button(store, meta.first.id, meta.second.id, "Compare again")


@st.cache_data(max_entries=32, show_spinner=False)
def meta(path: Path) -> DiffResult:
    return read_result(path, DiffResult)


@st.cache_data(max_entries=16, show_spinner=False)
def topics(path: Path) -> pd.DataFrame:
    """Topics of the two models, without those of the noise."""
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
        "A diff needs two decompressions with the same options, of two models or versions"
        + ("; there is one." if n_known else "; there is none yet.")
        + " A noise run, which is a second run of one of them with another seed, shows how much "
        "two runs of the same model differ."
    )
    offer_job(
        "decompress",
        "New decompression",
        "assay decompress --model ONE\n"
        "assay decompress --model OTHER\n"
        "assay decompress --model ONE --seed 1\n"
        "assay diff A B",
    )
    st.caption("A and B are the names that the first two commands print.")


def _compare_button(store: Store, first: str, second: str, label: str) -> None:
    if store.is_for_reading or any(job.state in _ACTIVE for job in _jobs(store)):
        return
    if st.button(label, icon=":material/difference:", type="primary"):
        JobTable(store).submit(["diff", first, second], f"Diff of {first} and {second}")
        ensure_worker(store)
        st.rerun()
