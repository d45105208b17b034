"""The parts of the page that ranks corpora."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import NULL_BAR, REFERENCE_LINE, SINGLE_HUE

_ROW_HEIGHT = 36


@st.cache_data(max_entries=64, show_spinner=False)
def groups(path: Path) -> pd.DataFrame:
    return read_groups(path)


@st.cache_data(max_entries=64, show_spinner=False)
def source_students(path: Path) -> pd.DataFrame:
    return read_source_students(path)


def cosine_chart(sources: pd.DataFrame, students: pd.DataFrame) -> go.Figure:
    """One line per corpus: cosine with interval, chance as a grey bar, students as crosses."""
    ordered = _shown(sources).sort_values("cosine")
    figure = go.Figure(
        go.Bar(
            base=ordered["null_low"],
            x=ordered["null_high"] - ordered["null_low"],
            y=ordered["name"],
            orientation="h",
            marker=NULL_BAR,
            hoverinfo="skip",
        )
    )
    figure.add_trace(_dots(ordered, "cosine", "low", "high"))
    if len(students):
        figure.add_trace(
            go.Scatter(
                x=students["cosine"],
                y=students["source"].map(plotly_safe),
                mode="markers",
                marker={"color": REFERENCE_LINE, "symbol": "x-thin-open", "size": 10},
                hovertemplate="%{y}, trained on it: %{x:.3f}<extra></extra>",
            )
        )
    figure.update_xaxes(title="cosine with the weight difference")
    return _laid_out(figure, len(ordered))


def mixture_chart(rows: pd.DataFrame) -> go.Figure:
    """One line per group, in the order of the cosines: its share of the mixture, the guess from
    cosines, the truth if known."""
    ordered = _shown(rows).sort_values("cosine")
    figure = go.Figure(_dots(ordered, "share", "share_low", "share_high"))
    for column, symbol in (("centroid_share", "circle-open"), ("true_share", "star")):
        if ordered[column].notna().any():
            figure.add_trace(
                go.Scatter(
                    x=ordered[column],
                    y=ordered["name"],
                    mode="markers",
                    marker={"color": REFERENCE_LINE, "symbol": symbol, "size": 10},
                    hovertemplate="%{y}: %{x:.1%}<extra></extra>",
                )
            )
    figure.update_xaxes(title="share of the mixture", tickformat=".0%", range=[-0.02, 1.02])
    return _laid_out(figure, len(ordered))


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(name=rows["name"].map(plotly_safe))


def _dots(rows: pd.DataFrame, value: str, low: str, high: str) -> go.Scatter:
    return go.Scatter(
        x=rows[value],
        y=rows["name"],
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (rows[high] - rows[value]).clip(lower=0),
            "arrayminus": (rows[value] - rows[low]).clip(lower=0),
            "thickness": 1.5,
            "width": 4,
        },
        mode="markers",
        marker={"color": SINGLE_HUE, "size": 10},
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )


def _laid_out(figure: go.Figure, n_rows: int) -> go.Figure:
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(type="category", ticklabelposition="outside")
    figure.update_layout(
        height=_ROW_HEIGHT * n_rows + 90,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        showlegend=False,
    )
    return figure
