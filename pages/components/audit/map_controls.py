"""The controls of the Map page, all stored in the address, and the rows that they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.among import Among
from assay.cache.audits.read import SelectionFilter
from assay.core.specs.annotations import AnnotationFilter
from assay.core.specs.strategies import Strategy
from assay.pages.components.annotations.choices import choose_annotations
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.asked_for import say_unknown
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
# The controls behind the button that keep documents out; the search box can be seen beside it.
_FILTERS = ("documents", "labels", "sources", "mark", "tags", "selected")


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
    say_unknown("beside", "Compare with", [_NOTHING, *(one.shown_as for one in strategies)])
    beside = second.selectbox(
        "Compare with",
        [_NOTHING, *strategies],
        format_func=lambda one: one if one == _NOTHING else Strategy(one).shown_as,
        key="beside",
        bind="query-params",
    )
    colourings = [one for one in Colouring if names or one is not Colouring.LABEL]
    say_unknown("colour", "Colour by", colourings)
    colouring = third.selectbox(
        "Colour by",
        colourings,
        key="colour",
        bind="query-params",
    )
    search = search_texts(fourth)
    n_filters = sum(map(_is_chosen, _FILTERS))
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
    sources = choose_sources(filters, reads.sources(path))
    said = said_of(path)
    annotated = choose_annotations(filters, filters, said)
    say_unknown("selected", "Selected by", [_EVERYBODY, *(one.shown_as for one in strategies)])
    with filters:
        selected_by = st.selectbox(
            "Selected by",
            [_NOTHING, *strategies],
            format_func=lambda one: _EVERYBODY if one == _NOTHING else Strategy(one).shown_as,
            key="selected",
            bind="query-params",
        )
        has_names = st.checkbox(
            "Words of each region", value=True, key="words", bind="query-params"
        )
        has_true = counts.n_reference > 0 and st.toggle(
            "Reference documents (evaluation)", value=True, key="true", bind="query-params"
        )
    drawn = (here,) if beside in (_NOTHING, here) else (here, Strategy(beside))
    if linked is not None:
        linked.show_wrong(counts.n_documents)
    among = among_both(linked, Among.annotated(annotated, said))
    chosen = SelectionFilter(search, labels, sources, among=among)
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


def _is_chosen(key: str) -> bool:
    """Whether a filter is in force. The button that opens the filters is made before they are, so
    on a first visit only the address says."""
    chosen = st.session_state.get(key, st.query_params.get_all(key))
    return chosen not in (None, "", [], [""], [_NOTHING], _NOTHING)


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


def cut(texts: pd.Series) -> pd.Series:
    """What is shown of a text when one points at its document, on one line."""
    starts = texts.astype(str).str.slice(0, HOVER_CHARACTERS)
    is_cut = texts.str.len() >= HOVER_CHARACTERS
    return starts.str.split().str.join(" ") + is_cut.map({True: "…", False: ""})


def named(labels: pd.Series, names: Sequence[str]) -> list[str]:
    """The labels' names; a dash for none."""
    return ["—" if pd.isna(label) else names[int(label)] for label in labels]
