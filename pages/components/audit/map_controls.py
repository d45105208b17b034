"""The controls of the Map page, and the documents inside a lasso."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.audits.comparison import read_documents, read_reference_documents
from assay.cache.export import of_audit
from assay.core.specs.strategies import Strategy, main_strategy
from assay.pages.components.audit import reads
from assay.pages.components.audit.map_chart import SELECTED, TRUE, Colouring, Panel
from assay.pages.components.audit.selection import show_document
from assay.pages.components.evidence_links import card_addresses, card_column
from assay.pages.components.export import export_line

# Each point is sent to the browser, and every lassoed one back.
MAX_POINTS = 2_000
_NOTHING = "nothing"
_PREVIEW_CHARACTERS = 300
_N_LISTED = 500


@dataclass(frozen=True)
class Setting:
    """The values of the controls."""

    strategies: tuple[Strategy, ...]
    colouring: Colouring
    has_true: bool


@dataclass(frozen=True)
class Lasso:
    """The numbers of the documents that are clicked, or inside a lasso or box."""

    documents: list[int]
    true: list[int]


def controls(strategies: Sequence[Strategy], has_labels: bool, has_reference: bool) -> Setting:
    """Which strategies to draw and what to colour by, all stored in the address."""
    first, second, third, fourth = st.columns([4, 4, 9, 4], vertical_alignment="bottom")
    chosen = main_strategy(strategies)
    here = first.selectbox(
        "Strategy",
        strategies,
        index=strategies.index(chosen),
        format_func=lambda one: one.shown_as,
        key="strategy",
        bind="query-params",
    )
    options = [*strategies, _NOTHING]
    usual = Strategy.RANDOM if Strategy.RANDOM in strategies and chosen != "random" else _NOTHING
    beside = second.selectbox(
        "Compare with",
        options,
        index=options.index(usual),
        format_func=lambda one: one if one == _NOTHING else Strategy(one).shown_as,
        key="beside",
        bind="query-params",
    )
    colourings = [one for one in Colouring if has_labels or one is not Colouring.LABEL]
    colouring = third.segmented_control(
        "Colour by",
        colourings,
        default=Colouring.STRATEGY,
        required=True,
        key="colour",
        bind="query-params",
    )
    has_true = has_reference and fourth.toggle(
        "Reference documents", value=True, key="true", bind="query-params"
    )
    drawn = (here,) if beside in (_NOTHING, here) else (here, Strategy(beside))
    return Setting(drawn, Colouring(colouring), bool(has_true))


def panel(path: Path, strategy: Strategy, colouring: Colouring, names: Sequence[str]) -> Panel:
    """The first documents of a selection, grouped by what colours them."""
    rows = reads.selected_places(path, strategy, MAX_POINTS)
    if colouring is Colouring.LABEL:
        return Panel(strategy, rows.assign(group=[names[label] for label in rows["pseudolabel"]]))
    return Panel(strategy, rows.assign(group=rows["source"]))


def lassoed(state: Mapping[str, Any]) -> Lasso:
    """The documents of a chart's selection, each once."""
    found: dict[str, dict[int, None]] = {SELECTED: {}, TRUE: {}}
    for point in state["selection"]["points"]:
        kind, number, *_ = point["customdata"]
        found[kind][int(number)] = None
    return Lasso(list(found[SELECTED]), list(found[TRUE]))


def show_lassoed(
    path: Path, lasso: Lasso, strategies: Sequence[Strategy], names: Sequence[str]
) -> None:
    """Tables of the chosen documents; clicking a row of the first shows the whole document."""
    if lasso.documents:
        rows = read_documents(path, lasso.documents, strategies)
        st.subheader(f"{len(rows):,} selected documents", anchor=False)
        picked = _selected_table(rows[:_N_LISTED], strategies, names)
        export_line(
            of_audit(path),
            "map-selected",
            _with_titles(rows, strategies, names),
            chosen={"strategies": [*map(str, strategies)], "chosen_on_map": lasso.documents},
        )
        if picked is not None:
            show_document(path, picked, list(names))
    if lasso.true:
        true = read_reference_documents(path, lasso.true)
        if names and true["label"].notna().any():
            true["label"] = _named(true["label"], names)
        else:
            true = true.drop(columns="label")
        st.subheader(f"{len(true):,} reference documents", anchor=False)
        listed = true[:_N_LISTED]
        shown = pd.DataFrame(
            {
                "evidence": card_addresses(path, listed["document_id"]),
                "text": listed["text"].str.slice(0, _PREVIEW_CHARACTERS),
                **({"label": listed["label"]} if "label" in listed else {}),
            }
        )
        st.dataframe(
            shown,
            hide_index=True,
            height=260,
            placeholder="—",
            column_config={"evidence": card_column()},
        )
        export_line(
            of_audit(path),
            "map-true",
            true,
            note="A dash means that the document is not in the seed corpus, so there is no "
            "evidence on it.",
            chosen={"chosen_on_map": lasso.true},
        )
    if max(len(lasso.documents), len(lasso.true)) > _N_LISTED:
        st.caption(f"The first {_N_LISTED:,} of each are listed; exports contain all.")


def _with_titles(
    rows: pd.DataFrame, strategies: Sequence[Strategy], names: Sequence[str]
) -> pd.DataFrame:
    """Ranks from 1 with the strategies' names, and labels by name."""
    columns = {f"rank_{n}": _rank_title(one) for n, one in enumerate(strategies)}
    titled = rows.assign(**{name: _ranks(rows[name]) for name in columns}).rename(columns=columns)
    if not names:
        return titled.drop(columns="pseudolabel")
    return titled.assign(pseudolabel=_named(rows["pseudolabel"], names))


def _rank_title(strategy: Strategy) -> str:
    return f"rank, {strategy.shown_as}"


def _ranks(stored: pd.Series) -> pd.Series:
    """Ranks from 1; missing if the strategy did not select the document."""
    return (stored + 1).astype("Int64")


def _selected_table(
    rows: pd.DataFrame, strategies: Sequence[Strategy], names: Sequence[str]
) -> int | None:
    ranks = {_rank_title(one): _ranks(rows[f"rank_{n}"]) for n, one in enumerate(strategies)}
    shown = pd.DataFrame(
        {
            **ranks,
            "text": rows["text"].str.slice(0, _PREVIEW_CHARACTERS),
            **({"pseudolabel": _named(rows["pseudolabel"], names)} if names else {}),
            "source": rows["source"],
            "cosine": rows["cosine"],
            "in reference": rows["in_reference"],
        }
    )
    state = st.dataframe(
        shown,
        hide_index=True,
        height=320,
        placeholder="—",
        on_select="rerun",
        selection_mode="single-row",
        key=f"lassoed {hash(tuple(rows['document_id']))}",
        column_config={
            "text": st.column_config.TextColumn("text", width=420),
            "cosine": st.column_config.NumberColumn("cosine", format="%.3f"),
        },
    )
    picked = state["selection"]["rows"]
    return int(rows["document_id"].iloc[picked[0]]) if picked else None


def _named(labels: pd.Series, names: Sequence[str]) -> list[str]:
    return ["—" if pd.isna(label) else names[int(label)] for label in labels]
