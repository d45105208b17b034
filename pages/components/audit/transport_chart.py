"""The replacement curve, and the strategies' distances on it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from assay.core.similarity.replacement_curve import Likeness
from assay.core.specs.strategies import Strategy
from assay.pages.components.audit.transport_tables import Distance
from assay.pages.components.charts import framed
from assay.pages.components.palette import COLOURS, NULL_AREA, REFERENCE_LINE, SYMBOLS


def replacement_figure(
    curve: pd.DataFrame,
    held_out: float | None,
    values: Mapping[Strategy, float],
    read: Mapping[Strategy, Likeness],
    distance: Distance,
) -> go.Figure:
    """The measured curve with its band; each strategy is a line over the shares that bracket it.

    ``curve``: replaced_share, mean, low, high, rising shares. Lines end at measured shares.
    """
    figure = go.Figure()
    both_ways = pd.concat([curve["replaced_share"], curve["replaced_share"][::-1]])
    figure.add_trace(
        go.Scatter(
            x=both_ways,
            y=pd.concat([curve["high"], curve["low"][::-1]]),
            fill="toself",
            **NULL_AREA,
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=curve["replaced_share"],
            y=curve["mean"],
            mode="lines+markers",
            name="reference set, partly replaced",
            line={"color": REFERENCE_LINE, "width": 1, "dash": "dot"},
            marker={"color": REFERENCE_LINE, "size": 7},
            hovertemplate="%{x:.0%} replaced: %{y:.3f}<extra></extra>",
        )
    )
    for strategy, value in values.items():
        found = read[strategy]
        ends = [
            0.0 if found.least is None else found.least,
            1.0 if found.most is None else found.most,
        ]
        figure.add_trace(
            go.Scatter(
                x=ends,
                y=[value, value],
                mode="lines+markers",
                name=strategy.shown_as,
                line={"color": COLOURS[strategy], "width": 3},
                marker={"color": COLOURS[strategy], "symbol": SYMBOLS[strategy], "size": 9},
                hovertemplate=f"%{{y:.3f}}<extra>{strategy.shown_as}</extra>",
            )
        )
    if held_out is not None:
        figure.add_hline(
            y=held_out,
            line={"color": REFERENCE_LINE, "dash": "dash", "width": 1.2},
            annotation_text="held-out documents",
            annotation_position="top left",
        )
    figure.update_xaxes(
        title="share of the reference set that is replaced", tickformat=".0%", range=[-0.03, 1.03]
    )
    tickformat = ".1~%" if distance.metric.info.is_percent else None
    figure.update_yaxes(title=distance.axis, tickformat=tickformat, zeroline=False)
    return framed(figure, 430)
