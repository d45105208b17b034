"""The Titration page's data, its controls, and its live selections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.audits.arrays import read_corpus
from assay.cache.audits.read import AuditFacts, read_titration
from assay.core.selection.titration import Cell, Corpus, located_by, transport_of
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, CONTROLS, leading_strategy, shown_as
from assay.core.stats.selection_metrics import Measurement
from assay.pages.components.asked_for import accept_choice, accept_number

METRICS = (
    Metric.RECALL,
    Metric.PRECISION,
    Metric.LIFT,
    Metric.MEMBERSHIP_AUC,
    Metric.MEMBERSHIP_TPR,
    Metric.MEMBERSHIP_TPR_STRICT,
    Metric.MEMBERSHIP_PRECISION,
    Metric.DOMAIN_AUC,
    Metric.DOMAIN_PRECISION,
    Metric.TRANSPORT,
    Metric.ACCURACY,
    Metric.AGREEMENT,
)
_MAX_BUDGET = 2_000
_N_LIVE_SEEDS = 5


@dataclass(frozen=True)
class Setting:
    """The values of the controls."""

    leaked_share: float
    budget: int
    selector: str
    seed: int
    metric: Metric


@st.cache_data(max_entries=32, show_spinner=False)
def grid(path: Path) -> pd.DataFrame:
    return read_titration(path)


@st.cache_resource(max_entries=2, show_spinner="Reading the gradients …")
def corpus(path: Path, held_out_source: str | None, batch_size: int) -> Corpus | None:
    """The unpacked gradients, kept between reruns; None if the audit stores none."""
    arrays = read_corpus(path, held_out_source)
    return None if arrays is None else Corpus.of(arrays, batch_size)


@st.cache_data(max_entries=512, show_spinner=False)
def live_cell(
    path: Path, _corpus: Corpus, leaked_share: float, budget: int, selector: str, seed: int
) -> Cell:
    """The same selection and metrics that the grid would hold, but for transport."""
    return located_by(_corpus, leaked_share, budget, selector, seed)


@st.cache_data(max_entries=512, show_spinner=False)
def _transport(
    path: Path, _corpus: Corpus, leaked_share: float, budget: int, selector: str, seed: int
) -> Measurement | None:
    cell = live_cell(path, _corpus, leaked_share, budget, selector, seed)
    return transport_of(_corpus, cell)


def what_is_missing(facts: AuditFacts, known: Corpus | None) -> str | None:
    """Why no titration is possible here, in a sentence; None if it is."""
    if facts.spec.reference is None:
        return (
            "This audit has no reference set, so it is not known which documents were trained on."
        )
    if not facts.meta.counts.n_leaked:
        return "No reference document is in this audit's seed corpus."
    if known is None:
        return "This audit's file contains no gradients, so live selection is not possible."
    return None


def controls(known: Corpus, measured: pd.DataFrame, facts: AuditFacts) -> Setting:
    """Sliders and choices, all stored in the address."""
    n_documents = known.inputs.n_documents
    seeds = _seeds(measured)
    budgets = sorted(measured["budget"].unique().tolist()) or [facts.spec.budget]
    highest = min(_MAX_BUDGET, n_documents - 1)
    first, second = st.columns(2)
    third, fourth, fifth = st.columns([3, 4, 2])
    accept_number("share", "Leaked share, %", 0, 100)
    accept_number("budget", "Budget", 1, highest)
    share = first.slider(
        "Leaked share, %",
        0,
        100,
        50,
        key="share",
        bind="query-params",
        help="share of the training documents that is in the pool",
    )
    budget = second.slider(
        "Budget", 1, highest, min(highest, int(budgets[0])), key="budget", bind="query-params"
    )
    options = list(known.selectors)
    accept_choice("strategy", "Strategy", options, shown_as)
    selector = third.selectbox(
        "Strategy",
        options,
        index=options.index(leading_strategy(one for one in options if one not in CONTROLS)),
        format_func=shown_as,
        key="strategy",
        bind="query-params",
    )
    metrics = _metrics(known, measured)
    accept_choice("metric", "Metric", metrics, lambda one: one.info.title)
    metric = fourth.selectbox(
        "Metric",
        metrics,
        format_func=lambda one: one.info.title,
        key="metric",
        bind="query-params",
    )
    accept_choice("draw", "Draw", seeds)
    seed = fifth.selectbox(
        "Draw",
        seeds,
        key="draw",
        bind="query-params",
        help="which of the training documents leak; also the seed of random selection",
    )
    return Setting(share / 100, budget, selector, seed, metric)


def chosen_cell(path: Path, known: Corpus, setting: Setting) -> Cell:
    """The chosen strategy's cell."""
    return _cell_of(setting.selector, path, known, setting)


def live_cells(path: Path, known: Corpus, setting: Setting) -> dict[str, Cell]:
    """The cells of the chosen strategy and of the controls, at the same point."""
    names = [setting.selector, *(c for c in CONTROLS if c in known.selectors)]
    return {name: _cell_of(name, path, known, setting) for name in dict.fromkeys(names)}


def _cell_of(name: str, path: Path, known: Corpus, setting: Setting) -> Cell:
    return live_cell(path, known, setting.leaked_share, setting.budget, name, setting.seed)


def with_transport(
    path: Path, known: Corpus, cells: Mapping[str, Cell], setting: Setting
) -> dict[str, Cell]:
    """The same cells with transport, which takes longest."""
    share, budget, seed = setting.leaked_share, setting.budget, setting.seed
    found = {name: _transport(path, known, share, budget, name, seed) for name in cells}
    return {
        name: cell if (own := found[name]) is None else cell.having(Metric.TRANSPORT, own)
        for name, cell in cells.items()
    }


def as_rows(cells: dict[str, Cell], setting: Setting) -> list[dict[str, Any]]:
    """Live cells as rows of the grid."""
    return [
        {
            "leaked_share": setting.leaked_share,
            "budget": setting.budget,
            "strategy": str(name),
            "seed": setting.seed,
            "metric": str(metric),
            **asdict(figure),
        }
        for name, cell in cells.items()
        for metric, figure in cell.figures.items()
    ]


def _seeds(measured: pd.DataFrame) -> list[int]:
    return sorted(measured["seed"].unique().tolist()) or list(range(_N_LIVE_SEEDS))


def _metrics(known: Corpus, measured: pd.DataFrame) -> list[Metric]:
    """Metrics that were measured, or can be computed live."""
    live = {Metric.RECALL, Metric.PRECISION, Metric.LIFT}
    if known.is_held_out.any():
        live |= {
            Metric.MEMBERSHIP_AUC,
            Metric.MEMBERSHIP_PRECISION,
            Metric.DOMAIN_AUC,
            Metric.DOMAIN_PRECISION,
        }
    if known.embeddings is not None and known.reference is not None:
        live.add(Metric.TRANSPORT)
    found = {*live, *map(Metric, measured["metric"].unique())}
    return [metric for metric in METRICS if metric in found]


def has_blind(known: Corpus) -> bool:
    return BLIND in known.selectors
