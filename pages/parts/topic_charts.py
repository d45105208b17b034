"""The topic tree as a treemap."""

from __future__ import annotations

import html
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from pages.parts.palette import REFERENCE_LINE

# Viridis: told apart with any common colour blindness, and nowhere grey.
_SCALE = "Viridis"
_HEIGHT = 520


@dataclass(frozen=True)
class Colouring:
    """A column to colour by, what it is called, and the value below which it means nothing."""

    column: str
    title: str
    low: float
    high: float
    line: float | None = None
    as_percent: bool = False


def treemap(tree: pd.DataFrame, colouring: Colouring) -> go.Figure:
    """Every topic sized by the examples in and under it; grey where the colour means nothing."""
    # Where no examples were written a topic is as large as the topics under it.
    has_examples = tree["n_examples"].sum() > 0
    sizes = tree["n_examples"] if has_examples else _n_leaves(tree)
    values = tree[colouring.column].astype(float)
    is_grey = values.isna() | (tree["parent_id"].isna())
    if colouring.line is not None:
        is_grey |= values <= colouring.line
    shown = values.map(lambda value: _shown(value, colouring))
    figure = go.Figure(
        go.Treemap(
            ids=tree["topic_id"].astype(str),
            labels=[html.escape(name) for name in tree["name"]],
            parents=["" if pd.isna(one) else str(int(one)) for one in tree["parent_id"]],
            values=sizes,
            branchvalues="total",
            marker={"colors": _colours(values, is_grey, colouring), "line": {"width": 1}},
            customdata=list(zip(shown, tree["n_examples"], strict=True)),
            hovertemplate=f"%{{label}}<br>{colouring.title}: %{{customdata[0]}}<br>"
            "%{customdata[1]} examples<extra></extra>",
            tiling={"pad": 2},
        )
    )
    if values[~is_grey].notna().any():
        figure.add_trace(_colour_bar(colouring))
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        xaxis={"visible": False},
        yaxis={"visible": False},
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _n_leaves(tree: pd.DataFrame) -> pd.Series:
    has_children = set(tree["parent_id"].dropna().astype(int))
    counts = {topic_id: int(topic_id not in has_children) for topic_id in tree["topic_id"]}
    for topic_id, parent_id in zip(tree["topic_id"][::-1], tree["parent_id"][::-1], strict=True):
        if not pd.isna(parent_id):
            counts[int(parent_id)] += counts[topic_id]
    return tree["topic_id"].map(counts)


def _colours(values: pd.Series, is_grey: pd.Series, colouring: Colouring) -> list[str]:
    span = colouring.high - colouring.low or 1.0
    at = ((values - colouring.low) / span).clip(0, 1).fillna(0)
    return [
        REFERENCE_LINE if grey else sample_colorscale(_SCALE, [place])[0]
        for place, grey in zip(at, is_grey, strict=True)
    ]


def _colour_bar(colouring: Colouring) -> go.Scatter:
    """An invisible point that carries the scale: the boxes have their colours one by one."""
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={
            "color": [colouring.low],
            "colorscale": _SCALE,
            "cmin": colouring.low,
            "cmax": colouring.high,
            "showscale": True,
            "colorbar": {
                "title": {"text": colouring.title, "side": "right"},
                "thickness": 12,
                "tickformat": ".0%" if colouring.as_percent else None,
            },
        },
    )


def _shown(value: float, colouring: Colouring) -> str:
    if pd.isna(value):
        return "not measured"
    return f"{value:.0%}" if colouring.as_percent else f"{value:.2f}"
