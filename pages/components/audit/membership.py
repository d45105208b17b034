"""The tables, the chart and the notes of the Membership page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from assay.cache.audits.membership import read_rankings
from assay.cache.audits.read import AuditFacts
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import percent
from assay.core.findings.rankings_table import bounded
from assay.core.findings.table_cells import PERCENT, TableCell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BASELINE_TITLES, Baseline, shown_as
from assay.core.stats.auc import roc
from assay.pages.components.charts import framed
from assay.pages.components.palette import COLOURS, REFERENCE_LINE

_N_CURVE_POINTS = 300
# Shown as means over final models with other seeds.
OVER_SEEDS = (
    Metric.MEMBERSHIP_AUC,
    Metric.MEMBERSHIP_TPR,
    Metric.MEMBERSHIP_TPR_STRICT,
    Metric.DOMAIN_AUC,
)
MEANING = {
    Baseline.FINAL_LOSS: "how low the final model's loss is",
    Baseline.LOSS_RATIO: "how much lower the loss is than under the base model",
    Baseline.CONFIDENCE_GAIN: "how much more confident of its label the final model is than the "
    "base",
    Baseline.MIN_K: "how likely the least likely fifth of the tokens is, each compared with its "
    "alternatives (arXiv 2404.02936)",
    Baseline.ZLIB: "the final loss compared with how well the text compresses",
    Baseline.ERROR_ZONE: "at the tokens where the final model errs: whether it still rates the "
    "true token more likely than the base does (arXiv 2601.12104)",
    Baseline.WINDOWS: "votes of windows of 2 to 40 tokens on which model predicts them better "
    "(arXiv 2601.02751)",
}


@st.cache_data(max_entries=16, show_spinner=False)
def rankings(path: Path, held_out_source: str | None) -> pd.DataFrame:
    return read_rankings(path, held_out_source)


def what_is_missing(facts: AuditFacts) -> str | None:
    """Why no ranking can be evaluated here, in a sentence; None if they can."""
    counts = facts.meta.counts
    if facts.spec.reference is None:
        return "This audit has no reference set, so it is unknown which documents were trained on."
    if not counts.n_leaked:
        return "No reference document is in this audit's seed corpus."
    if not counts.n_held_out:
        return (
            "The seed corpus has no held-out documents of the reference set's domain, so "
            "finding the domain cannot be distinguished from finding training documents."
        )
    return None


def limits_table(rows: MetricTable, facts: AuditFacts) -> pd.DataFrame:
    """The smallest number of leaked documents that each selection would have detected."""
    lines = []
    for strategy in facts.strategies:
        lines.append(
            {
                "selection by": strategy.shown_as,
                "found in the pool": _limit(rows.get(strategy, Metric.DETECTION_LIMIT)),
                "distinguished from held-out": _limit(
                    rows.get(strategy, Metric.MEMBERSHIP_DETECTION_LIMIT)
                ),
            }
        )
    return pd.DataFrame(lines)


def roc_plot(scores: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """True against false positive rate on logarithmic axes.

    They show what is found at low false positive rates.
    """
    figure = go.Figure()
    smallest = 1.0
    for name in names:
        own = scores[scores["scorer"] == name]
        is_trained = own["is_trained"].to_numpy(bool)
        values = own["score"].to_numpy(float)
        mistaken, found = roc(values[is_trained], values[~is_trained])
        smallest = min(smallest, 1 / max(1, (~is_trained).sum()), 1 / max(1, is_trained.sum()))
        kept = _thinned((mistaken > 0) & (found > 0))
        figure.add_trace(
            go.Scatter(
                x=mistaken[kept],
                y=found[kept],
                mode="lines",
                name=shown_as(name),
                line={
                    "color": COLOURS[name],
                    "width": 2,
                    "dash": "dash" if name in BASELINE_TITLES else "solid",
                    "shape": "vh",
                },
                hovertemplate="true positive rate %{y:.1%} at false positive rate %{x:.2%}<extra>"
                + shown_as(name)
                + "</extra>",
            )
        )
    figure.add_trace(
        go.Scatter(
            x=[smallest, 1],
            y=[smallest, 1],
            mode="lines",
            name="chance",
            line={"color": REFERENCE_LINE, "dash": "dot", "width": 1.5},
            hoverinfo="skip",
        )
    )
    ticks = {"type": "log", "tickformat": "~%", "dtick": 1}
    figure.update_xaxes(title="false positive rate (held-out documents)", **ticks)
    figure.update_yaxes(title="true positive rate (training documents)", **ticks)
    return framed(figure, 460, hovermode="closest")


def _thinned(is_drawable: np.ndarray) -> np.ndarray:
    """A limited number of points to draw, dense where rates are small."""
    places = np.flatnonzero(is_drawable)
    if len(places) <= _N_CURVE_POINTS:
        return places
    picks = np.geomspace(1, len(places), _N_CURVE_POINTS).round().astype(int) - 1
    return places[np.unique(picks)]


def _limit(row: Row | None) -> TableCell | str:
    if row is None:
        return "not even with all of it"
    low = percent(row["low"]) if pd.notna(row["low"]) else "—"
    high = percent(row["high"]) if pd.notna(row["high"]) else "more than all"
    shares = TableCell.of(
        f"{percent(row['value'])} of it, {row['n']:,.0f} documents [{low}–{high}]",
        PERCENT,
        **bounded(row),
    )
    return replace(shares, numbers={**shares.numbers, "documents": round(row["n"])})
