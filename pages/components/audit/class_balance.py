"""Shares of labels or sources in selections, the reference set and the pool."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from assay.core.findings.class_shares import POOL, REFERENCE, SHARE_TITLES
from assay.core.specs.strategies import Strategy
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import COLOURS, NULL_BAR

_COLUMNS = 4
_BETWEEN_ROWS = 40  # pixels


def balance_figure(
    table: pd.DataFrame, bands: pd.DataFrame, strategies: Sequence[Strategy], ink: str
) -> go.Figure:
    """One panel per strategy: its shares as bars, the reference set's as marks, chance as bands."""
    n_columns = min(_COLUMNS, len(strategies))
    n_rows = -(-len(strategies) // n_columns)
    height = n_rows * (70 + 26 * len(table)) + 90
    figure = make_subplots(
        n_rows,
        n_columns,
        subplot_titles=[strategy.shown_as for strategy in strategies],
        shared_xaxes="all",
        shared_yaxes="all",
        x_title="share of documents",
        horizontal_spacing=0.03,
        vertical_spacing=_BETWEEN_ROWS / height,
    )
    names = [plotly_safe(name) for name in table.index]
    for position, strategy in enumerate(strategies):
        where = {"row": position // n_columns + 1, "col": position % n_columns + 1}
        is_first = position == 0
        figure.add_trace(
            go.Bar(
                x=bands["high"] - bands["low"],
                base=bands["low"],
                y=names,
                orientation="h",
                width=0.9,
                marker=NULL_BAR,
                name="random selections",
                legendgroup="random",
                showlegend=is_first,
                hoverinfo="skip",
            ),
            **where,
        )
        figure.add_trace(
            go.Bar(
                x=table[strategy],
                y=names,
                orientation="h",
                width=0.45,
                marker={"color": COLOURS[strategy]},
                showlegend=False,
                hovertemplate="%{y}: %{x:.1%}<extra></extra>",
            ),
            **where,
        )
        for subject, symbol in ((POOL, "line-ns-open"), (REFERENCE, "diamond-open")):
            if subject in table:
                title = SHARE_TITLES[subject]
                figure.add_trace(
                    go.Scatter(
                        x=table[subject],
                        y=names,
                        mode="markers",
                        marker={
                            "symbol": symbol,
                            "size": 10,
                            "color": ink,
                            "line": {"width": 1.6, "color": ink},
                        },
                        cliponaxis=False,  # a mark at 0% is whole
                        name=title,
                        legendgroup=subject,
                        showlegend=is_first,
                        hovertemplate=f"{title}, %{{y}}: %{{x:.1%}}<extra></extra>",
                    ),
                    **where,
                )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", nticks=3, tickangle=0)
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    figure.update_annotations(font_size=12)
    figure.layout.annotations[-1].font.size = 14  # the title of the axis, as other charts have it
    figure.update_layout(
        barmode="overlay",
        height=height,
        margin={"l": 8, "r": 8, "t": 64, "b": 56},
        legend={"orientation": "h", "y": 1.0, "yref": "container", "yanchor": "top", "x": 0},
    )
    return figure
