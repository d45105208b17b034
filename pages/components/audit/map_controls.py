"""The controls of the Map page, all stored in the address, and the rows that they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from assay.cache.among import Among
from assay.cache.audits.read import SelectionFilter
from assay.core.specs.annotations import AnnotationFilter, Marked
from assay.core.specs.strategies import Strategy, shown_as
from assay.pages.components.annotations.choices import choose_annotations
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.asked_for import (
    accept_choice,
    accept_switch,
    in_force,
    say_not_offered,
)
from assay.pages.components.audit import reads
from assay.pages.components.audit.choices import (
    among_both,
    choose_documents,
    choose_labels,
    choose_sources,
    choose_strategy,
    search_texts,
)
from assay.pages.components.audit.map_chart import Colouring, Panel
from assay.pages.components.evidence_links import Linked

# Each point is sent to the browser.
MAX_POINTS = 2_000
# Of each document's text, the map shows as much when one points at it.
HOVER_CHARACTERS = 160
_NOTHING = "nothing"
_EVERYBODY = "any or none"
_WORDS, _REFERENCE = "Words of each region", "Reference documents (evaluation)"


@dataclass(frozen=True)
class Setting:
    """The values of the controls."""

    strategies: tuple[Strategy, ...]
    colouring: Colouring
    has_true: bool
    has_names: bool
    chosen: SelectionFilter
    annotated: AnnotationFilter
    selected_by: Strategy | None
    linked: Linked | None

    @property
    def is_filtered(self) -> bool:
        return self.chosen != SelectionFilter() or self.selected_by is not None


def controls(path: Path, strategies: Sequence[Strategy], names: Sequence[str]) -> Setting:
    """Which strategies to draw, what to colour by, and which documents to highlight."""
    counts = reads.facts(path).meta.counts
    with st.container(key="roomy map controls"):
        first, second, third, fourth, fifth = st.columns(
            [7, 6, 6, 7, 6], vertical_alignment="bottom"
        )
    here = choose_strategy(first, strategies)
    accept_choice("beside", "Compare with", [_NOTHING, *strategies], _or_nothing)
    beside = second.selectbox(
        "Compare with",
        [_NOTHING, *strategies],
        format_func=_or_nothing,
        key="beside",
        bind="query-params",
    )
    colourings = [one for one in Colouring if names or one is not Colouring.LABEL]
    accept_choice("colour", "Colour by", colourings)
    colouring = third.selectbox(
        "Colour by",
        colourings,
        key="colour",
        bind="query-params",
    )
    search = search_texts(fourth)
    sources, said = reads.sources(path), said_of(path)
    n_filters = sum(_filters(strategies, names, sources))
    filters = fifth.popover(
        f"Filter ({n_filters})" if n_filters else "Filter",
        type="primary" if n_filters else "secondary",
        icon=":material/filter_alt:",
        width="stretch",
        help="Only documents that match are highlighted" if n_filters else None,
        key="filters",
    )
    # What the address asks for in vain is said beside the button, not behind it.
    linked = choose_documents(filters, counts.n_documents)
    labels = choose_labels(filters, names)
    chosen_sources = choose_sources(filters, sources)
    annotated = choose_annotations(filters, filters, said)
    accept_choice("selected", "Selected by", [_NOTHING, *strategies], _or_everybody)
    accept_switch("words", _WORDS)
    if counts.n_reference:
        accept_switch("true", _REFERENCE)
    else:
        say_not_offered("true", _REFERENCE)
    with filters:
        selected_by = st.selectbox(
            "Selected by",
            [_NOTHING, *strategies],
            format_func=_or_everybody,
            key="selected",
            bind="query-params",
        )
        has_names = st.checkbox(_WORDS, value=True, key="words", bind="query-params")
        has_true = counts.n_reference > 0 and st.toggle(
            _REFERENCE, value=True, key="true", bind="query-params"
        )
    drawn = (here,) if beside in (_NOTHING, here) else (here, Strategy(beside))
    if linked is not None:
        linked.show_wrong(counts.n_documents)
    among = among_both(linked, Among.annotated(annotated, said))
    chosen = SelectionFilter(search, labels, chosen_sources, among=among)
    return Setting(
        drawn,
        Colouring(colouring),
        bool(has_true),
        has_names,
        chosen,
        annotated,
        None if selected_by == _NOTHING else Strategy(selected_by),
        linked,
    )


def _filters(
    strategies: Sequence[Strategy], names: Sequence[str], sources: Sequence[str]
) -> Iterator[bool]:
    """Which of the filters behind the button are in force. The button is made before they are, so
    on a first visit only the address says."""
    for key in ("documents", "tags"):
        yield st.session_state.get(key, st.query_params.get_all(key)) not in (None, "", [], [""])
    for key, options in (("labels", names), ("sources", sources), ("mark", Marked)):
        yield bool(in_force(key, options))
    yield in_force("selected", [_NOTHING, *strategies], _or_everybody) not in ([], [_EVERYBODY])


def _or_nothing(one: str) -> str:
    return one if one == _NOTHING else shown_as(one)


def _or_everybody(one: str) -> str:
    return _EVERYBODY if one == _NOTHING else shown_as(one)


def panel(path: Path, strategy: Strategy, colouring: Colouring, names: Sequence[str]) -> Panel:
    """The first documents of a selection."""
    return Panel(
        strategy, shown(reads.selected_places(path, strategy, MAX_POINTS), colouring, names)
    )


def shown(rows: pd.DataFrame, colouring: Colouring, names: Sequence[str]) -> pd.DataFrame:
    """Rows with ``text`` (cut), ``about`` (label and source) and ``group`` (what colours them)."""
    labels = named(rows["pseudolabel"], names) if names else None
    about = rows["source"].astype(str)
    if labels is not None:
        about = pd.Series(labels, rows.index) + " · " + about
    if "rank" in rows:
        about = "rank " + (rows["rank"] + 1).astype(str) + " · " + about
    by_label = colouring is Colouring.LABEL and labels is not None
    return rows.assign(
        text=cut(rows["text"]), about=about, group=labels if by_label else rows["source"]
    )


def shown_reference(rows: pd.DataFrame, colouring: Colouring, names: Sequence[str]) -> pd.DataFrame:
    """The same for reference documents, which have a true label and no source."""
    labels = pd.Series(named(rows["label"], names) if names else ["—"] * len(rows), rows.index)
    is_known = labels != "—"
    return rows.assign(
        text=cut(rows["text"]),
        about=("true label " + labels + " · ").where(is_known, "") + "reference document",
        group=labels.where(is_known & (colouring is Colouring.LABEL), None),
    )


def matching_reference(rows: pd.DataFrame, chosen: SelectionFilter) -> NDArray[np.int64] | None:
    """Numbers of the reference documents with the words that are searched and one of the labels.

    Other filters do not concern them. None if neither is asked for.
    """
    if not chosen.search and not chosen.labels:
        return None
    is_found = rows["text"].str.lower().str.contains(chosen.search.lower(), regex=False)
    if chosen.labels:
        is_found &= rows["label"].isin(chosen.labels)
    return rows.loc[is_found, "reference_id"].to_numpy(np.int64)


def cut(texts: pd.Series) -> pd.Series:
    """What is shown of a text when one points at its document, on one line."""
    starts = texts.astype(str).str.slice(0, HOVER_CHARACTERS)
    is_cut = texts.str.len() >= HOVER_CHARACTERS
    return starts.str.split().str.join(" ") + is_cut.map({True: "…", False: ""})


def named(labels: pd.Series, names: Sequence[str]) -> list[str]:
    """The labels' names; a dash for none."""
    return ["—" if pd.isna(label) else names[int(label)] for label in labels]
