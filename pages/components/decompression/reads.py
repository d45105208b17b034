"""Which decompression a page shows, which runs are in progress, and cached reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.decompressions import read
from assay.cache.decompressions.journal import UnfinishedRun, read_progress, read_running
from assay.cache.jobs import Job, JobState, JobTable
from assay.cache.store import Store
from assay.core.findings.formatting import moment
from assay.core.specs.decompression import ParseOutcome
from assay.core.specs.results.decompression import DecompressionResult
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.job_offer import offer_job
from assay.pages.components.jobs import RESULTS, job_line
from assay.pages.components.labels import distinct_labels

# How an answer could be parsed.
READ_AS = {
    ParseOutcome.SCHEMA: "JSON, enforced by a schema",
    ParseOutcome.STRICT: "JSON",
    ParseOutcome.REPAIRED: "JSON, repaired",
    ParseOutcome.LINES: "plain text",
    ParseOutcome.SCORED: "probabilities only",
    ParseOutcome.RETRY: "unreadable, asked again",
    ParseOutcome.FAILED: "unreadable",
}
_LAST = "last_decompression"
_SMALL = 1_000_000_000
_N_LATEST = 12


def chosen_decompression() -> Path:
    """The decompression named in the address, or the newest; without one, the page ends here."""
    store = Store.default()
    listed = {one.decompression_id: one for one in read.list_decompressions(store)}
    sound = {name: one for name, one in listed.items() if one.problem is None}
    asked = st.query_params.get("decompression")
    if asked is not None and asked not in sound:
        what = (
            f"The decompression {asked} cannot be read: {listed[asked].problem}."
            if asked in listed
            else f"There is no decompression named {asked} in this store."
        )
        st.warning(markdown_safe(what), icon=":material/search_off:")
        st.stop()
    if not sound:
        _show_empty()
        show_stopped()
        st.stop()
    last = st.session_state.get(_LAST)
    start = asked or (last if last in sound else next(iter(sound)))
    labels = distinct_labels(
        {name: f"{one.title} · {moment(one.created_at)}" for name, one in sound.items()}
    )
    decompression_id = st.sidebar.selectbox(
        "Decompression",
        list(sound),
        index=list(sound).index(start),
        key=f"decompression-{start}",
        format_func=labels.__getitem__,
    )
    st.session_state[_LAST] = decompression_id
    if decompression_id != asked:
        st.query_params["decompression"] = decompression_id
    return read.decompression_path(store, decompression_id)


def _show_empty() -> None:
    st.caption(
        "A decompression writes out what a model knows: the topics that it lists when asked, and "
        "examples that it writes about each."
    )
    st.write(
        "No model has been decompressed yet. The built-in model takes some minutes and needs no "
        "network:"
    )
    offer_job("decompress", "New decompression", "assay decompress")
    st.write("Your own model, in a folder or behind an OpenAI-compatible server:")
    st.code(
        "assay decompress --model MODEL --budget-calls 2000\n"
        "assay decompress --model http://127.0.0.1:8000 --budget-calls 20000 --queue",
        language=None,
    )


def show_running() -> None:
    """Decompressions in progress, live."""
    if not _jobs(Store.default()):
        return

    def show() -> None:
        jobs = _jobs(Store.default())
        for job in jobs:
            job_line(job)
        for run in read_running(Store.default()):
            _show_run(run)
        if not jobs:
            st.rerun()  # the whole page: something has ended

    with st.container(border=True):
        st.fragment(show, run_every="2s")()


def show_stopped() -> None:
    """Decompressions that stopped before their end, below those that are complete."""
    store = Store.default()
    runs = [] if _jobs(store) else read_running(store)
    if not runs:
        return
    with st.expander(f"Unfinished decompressions ({len(runs):,})", icon=":material/pause:"):
        st.caption("Not running. The same command continues where it stopped.")
        for run in runs:
            _show_run(run)


def _jobs(store: Store) -> list[Any]:
    running = (JobState.RUNNING, JobState.QUEUED)
    return [
        job
        for job in JobTable(store).all()
        if job.state in running and not job.is_lost and _makes_topics(job)
    ]


def _makes_topics(job: Job) -> bool:
    shown = RESULTS.get(job.command[0])
    return shown is not None and shown.page in ("topics", "examples")


def _show_run(run: UnfinishedRun) -> None:
    progress = read_progress(run)
    n_calls = sum(progress.n_calls.values())
    rungs = " · ".join(f"{n:,} {READ_AS[ParseOutcome(rung)]}" for rung, n in progress.rungs.items())
    st.markdown(f"**{markdown_safe(run.title)}**, unfinished", width="content")
    n_topics = len(progress.topics)
    st.caption(
        (f"{n_topics:,} topics · " if n_topics else "")
        + f"{n_calls:,} calls"
        + (f" · answers read as: {rungs}" if rungs else "")
    )
    latest = progress.topics[-_N_LATEST:]
    if latest:
        st.caption("Latest topics: " + markdown_safe(", ".join(latest)))


def show_caveats(meta: DecompressionResult) -> None:
    """What such a model can and cannot show."""
    n_parameters = meta.model.n_parameters
    sentences = [
        "Topics are what the model lists when asked, not what it was trained on. Examples are "
        "what it writes, not what is true."
    ]
    if n_parameters is not None and n_parameters < _SMALL:
        sentences.append(
            f"This model has {_in_millions(n_parameters)} parameters. At best, a model of this "
            "size names broad fields and their first subtopics sensibly. Its explanations are "
            "often wrong, repetitive or off-topic, and its arithmetic is unreliable: they show how "
            "it writes, not what it knows."
        )
    if not meta.model.is_weights_hash:
        sentences.append(
            "The model runs on a server, so its weights could not be hashed; the identity shown "
            "is what the server reports."
        )
    if meta.traits.get("repeats_answers"):
        sentences.append(
            "The server repeats its answer to a repeated prompt, so every sample's prompt starts "
            "with a different number. The samples differ, but do not have exactly the same prompt."
        )
    sentences += [markdown_safe(caveat) for caveat in meta.caveats]
    n_unanswered = meta.counts.n_unanswered
    if n_unanswered:
        sentences.append(
            f"{n_unanswered:,} questions got no answer in two attempts and are left out; support "
            "counts only the lists that were answered. The first error: "
            f"{markdown_safe(next(iter(meta.unanswered_words), 'nothing'))}."
        )
    refused = [name for name in meta.traits.get("refuses", ()) if name != "max_tokens"]
    if refused:
        sentences.append(
            f"The server rejects {markdown_safe(' and '.join(refused))}, so its own default "
            "applies."
        )
    st.info(" ".join(sentences), icon=":material/info:")


def _in_millions(number: int) -> str:
    return f"{number:,}" if number < 1_000_000 else f"{number / 1e6:,.0f} million"


@st.cache_data(max_entries=32, show_spinner=False)
def meta(path: Path) -> DecompressionResult:
    return read.read_decompression(path)


@st.cache_data(max_entries=32, show_spinner=False)
def tree(path: Path, judge: str) -> pd.DataFrame:
    return read.read_topics(path, judge)


@st.cache_data(max_entries=32, show_spinner=False)
def links(path: Path) -> pd.DataFrame:
    return read.read_links(path)


@st.cache_data(max_entries=32, show_spinner=False)
def rungs(path: Path) -> pd.DataFrame:
    return read.read_rungs(path)
