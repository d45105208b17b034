"""Charts that pages share. Colours of text and grid come from the theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from assay.core.specs.metrics import MetricInfo
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import Spread
from assay.pages.components.palette import (
    COLOURS,
    NULL_AREA,
    REFERENCE_LINE,
    SYMBOLS,
)

CONFIG = {"displayModeBar": False}
# In pixels. Plotly leaves out a tick's label that reaches beyond the chart: half of a number above
# the highest gridline, half of 100% right of the last one.
MARGIN = {"l": 8, "r": 20, "t": 12, "b": 8}
_ROW_HEIGHT = 30
_FEW = 10
# Of a dot plot: so near, as a share of its width, are lines whose labels would lie on each other.
_NEAR_LINES = 0.6


def show_chart(figure: go.Figure, *, key: str, alt: str, **more: Any) -> Any:
    """A figure without a toolbar; assets/readable.css makes its small text easy to read."""
    return st.plotly_chart(figure, config=CONFIG, key=key, alt=alt, **more)


def framed(figure: go.Figure, height: int, **more: Any) -> go.Figure:
    """The figure with narrow margins and its legend above it."""
    return figure.update_layout(
        height=height,
        margin=MARGIN,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        **more,
    )


def whole_steps(n: int) -> dict[str, Any]:
    """Of an axis that counts to ``n``: ticks at whole numbers where few would be between them."""
    return {"dtick": 1} if n <= _FEW else {}


def spread_traces(
    x: Sequence[float], found: Sequence[Spread], title: str, colour: str, symbol: str
) -> list[go.Scatter]:
    """Means over repeats as points that thin dotted lines connect.

    Thin bars from the lowest to the highest value, thick ones for the mean's interval.
    """
    intervals = [one.interval for one in found]
    return [
        go.Scatter(
            x=x,
            y=[one.mean for one in found],
            error_y=_bars(
                [one.highest - one.mean for one in found],
                [one.mean - one.lowest for one in found],
                thickness=1.2,
                width=4,
            ),
            mode="lines+markers",
            name=title,
            legendgroup=title,
            line={"color": colour, "width": 0.7, "dash": "dot"},
            marker={"color": colour, "symbol": symbol, "size": 9},
            customdata=[_in_words(one) for one in found],
            hovertemplate="mean %{y}%{customdata}<extra>%{fullData.name}</extra>",
        ),
        go.Scatter(
            x=x,
            y=[one.mean for one in found],
            error_y=_bars(
                [0 if one is None else one.high - one.value for one in intervals],
                [0 if one is None else one.value - one.low for one in intervals],
                thickness=4,
                width=0,
            ),
            mode="markers",
            name=f"{title}, interval",
            legendgroup=title,
            showlegend=False,
            marker={"color": colour, "symbol": symbol, "size": 1},
            hoverinfo="skip",
        ),
    ]


def _bars(above: list[float], below: list[float], **shape: Any) -> dict[str, Any]:
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **shape}


def _in_words(found: Spread) -> str:
    words = f", {found.lowest:.3f} to {found.highest:.3f} in {found.n}" if found.n > 1 else ""
    if found.interval is None:
        return words
    return f", 95% interval {found.interval.low:.3f} to {found.interval.high:.3f}{words}"


def error_bars(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """A row's interval as Plotly's bars to both sides of its value; None if it has none."""
    if pd.isna(row["low"]):
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [row["high"] - row["value"]],
        "arrayminus": [row["value"] - row["low"]],
        "thickness": 1.5,
        "width": 4,
    }


def dot_plot(
    rows: Mapping[Strategy, Mapping[str, Any]], references: Mapping[str, float], info: MetricInfo
) -> go.Figure:
    """One line per strategy, the best on top: value, interval if there is one, the null as a grey
    band."""
    figure = go.Figure()
    # Plotly begins at the bottom.
    ordered = sorted(rows, key=lambda one: rows[one]["value"], reverse=info.is_lower_better)
    for strategy in ordered:
        row = rows[strategy]
        figure.add_trace(
            go.Scatter(
                x=[row["value"]],
                y=[strategy.shown_as],
                error_x=error_bars(row),
                mode="markers",
                marker={"color": COLOURS[strategy], "symbol": SYMBOLS[strategy], "size": 10},
                showlegend=False,
                hovertemplate="%{y}: %{x}<extra></extra>",
            )
        )
    first = rows[ordered[0]]
    if pd.notna(first["null_low"]) and first["null_high"] > first["null_low"]:
        figure.add_vrect(
            x0=first["null_low"],
            x1=first["null_high"],
            layer="below",
            **NULL_AREA,
        )
    for name, value in references.items():
        side = _label_side(
            value, list(references.values()), [row["value"] for row in rows.values()]
        )
        figure.add_vline(x=value, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1.5})
        figure.add_annotation(
            x=value,
            y=1.0,
            yref="paper",
            yshift=10,
            text=name,
            xanchor=side,
            showarrow=False,
            font={"size": 11},
        )
    figure.update_xaxes(
        title=info.short, tickformat=".1~%" if info.is_percent else None, zeroline=False
    )
    figure.update_layout(
        height=_ROW_HEIGHT * len(rows) + 112, margin={"l": 8, "r": 12, "t": 34, "b": 8}
    )
    return figure


def _label_side(value: float, lines: Sequence[float], values: Sequence[float]) -> str:
    """Which end of a line's label is at the line: labels of two lines that are near each other go
    to both sides."""
    everything = [*lines, *values]
    reach = _NEAR_LINES * (max(everything) - min(everything))
    if all(other == value or abs(other - value) > reach for other in lines):
        return "center"
    return "right" if value == min(lines) else "left"


def objective_curves(
    curves: pd.DataFrame, strategies: Sequence[Strategy], random: pd.DataFrame
) -> go.Figure:
    """The cosine with the weight difference as each selection grows, and the band of random ones.

    ``random``: n_selected, low, high, sizes rising.
    """
    figure = go.Figure(
        go.Scatter(
            x=pd.concat([random["n_selected"], random["n_selected"][::-1]]),
            y=pd.concat([random["high"], random["low"][::-1]]),
            fill="toself",
            **NULL_AREA,
            hoverinfo="skip",
            name="random selections",
        )
    )
    for strategy in strategies:
        own = curves[curves["strategy"] == strategy]
        figure.add_trace(
            go.Scatter(
                x=own["rank"] + 1,
                y=own["objective"],
                mode="lines",
                name=strategy.shown_as,
                line={"color": COLOURS[strategy], "width": 2},
            )
        )
    figure.update_xaxes(title="documents selected")
    figure.update_yaxes(title="cosine")
    return framed(figure, 320)
