"""Charts of a comparison: differences with intervals, small multiples, and who shares documents."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from assay.core.comparison.audits import Comparison
from assay.core.comparison.differences import Difference
from assay.core.findings.comparison import letter
from assay.core.findings.comparison_tables import overlap_matrix, values_of
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BASELINE_TITLES, STRATEGY_TITLES, Strategy, shown_as
from assay.pages.components.charts import error_bars
from assay.pages.components.palette import (
    CATEGORIES,
    NULL_BAR,
    REFERENCE_LINE,
    SINGLE_HUE,
    faint,
    ink,
)

_ROW = 26
_MARGIN = {"l": 8, "r": 12, "t": 34, "b": 8}
_N_COLUMNS = 4
# Between two rows of small charts, px: the upper one's ticks and the lower one's title.
_GAP = 76


def difference_plot(shown: Sequence[Difference], second: str) -> go.Figure:
    """One line a ranking or strategy: second − first with its interval, zero dotted.

    Filled: larger than chance. Each other audit has its colour.
    """
    figure = go.Figure()
    others = sorted({one.pair[1] for one in shown})
    for other in others:
        own = [one for one in shown if one.pair[1] == other]
        colour, symbol = CATEGORIES[other - 1]
        figure.add_trace(
            go.Scatter(
                x=[one.difference.value for one in own],
                y=[shown_as(one.subject) for one in own],
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [one.difference.high - one.difference.value for one in own],
                    "arrayminus": [one.difference.value - one.difference.low for one in own],
                    "thickness": 1.5,
                    "width": 4,
                },
                mode="markers",
                name=f"{letter(other)} − {letter(0)}",
                showlegend=second != letter(1),
                marker={
                    "color": colour,
                    "size": 9,
                    "symbol": [
                        symbol if one.is_larger_than_chance else f"{symbol}-open" for one in own
                    ],
                },
                hovertemplate="%{y}: %{x:+.3f}<extra>%{fullData.name}</extra>",
            )
        )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1.5})
    subjects = {one.subject for one in shown}
    usual = [*STRATEGY_TITLES, *BASELINE_TITLES]
    names = [shown_as(name) for name in usual if name in subjects]
    _in_order(figure, names)
    figure.update_xaxes(
        title=f"{second} − {letter(0)}",
        zeroline=False,
        nticks=5,
        tickangle=0,
        range=_around_zero(
            [end for one in shown for end in (one.difference.low, one.difference.high)]
        ),
    )
    figure.update_layout(
        height=_ROW * len(names) + 120,
        margin=_MARGIN,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        scattermode="group",
    )
    return figure


def small_multiples(found: Comparison, strategy: Strategy, metrics: Sequence[Metric]) -> go.Figure:
    """One small chart a metric: each audit's value with its interval, its null as a grey band."""
    n_rows = -(-len(metrics) // _N_COLUMNS)
    names = [letter(i) for i in range(len(found.sides))]
    height = n_rows * (_ROW * len(names) + _GAP) + 30
    figure = make_subplots(
        n_rows,
        _N_COLUMNS,
        subplot_titles=[metric.info.column for metric in metrics],
        shared_yaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=_GAP / height,
    )
    for number, metric in enumerate(metrics):
        row, column = divmod(number, _N_COLUMNS)
        at = {"row": row + 1, "col": column + 1}
        for name, own in values_of(found, strategy, metric).items():
            if pd.notna(own["null_low"]):
                figure.add_trace(
                    go.Bar(
                        base=[own["null_low"]],
                        x=[own["null_high"] - own["null_low"]],
                        y=[name],
                        orientation="h",
                        marker=NULL_BAR,
                        showlegend=False,
                        hoverinfo="skip",
                    ),
                    **at,
                )
            figure.add_trace(
                go.Scatter(
                    x=[own["value"]],
                    y=[name],
                    error_x=error_bars(own),
                    mode="markers",
                    marker={"color": SINGLE_HUE, "size": 9},
                    showlegend=False,
                    hovertemplate="%{y}: %{x}<extra></extra>",
                ),
                **at,
            )
        figure.update_xaxes(
            tickformat=".1~%" if metric.info.is_percent else None, zeroline=False, nticks=4, **at
        )
    _in_order(figure, names)
    figure.update_annotations(font_size=13)
    figure.update_layout(height=height, margin=_MARGIN, barmode="overlay")
    return figure


def overlap_plot(found: Comparison, strategy: Strategy) -> go.Figure:
    """Documents in common for every pair of audits, as shares of as many selected in each."""
    shares = overlap_matrix(found, strategy)
    counts = {
        frozenset(map(letter, one.pair)): f"{one.n_both:,} of {one.n_selected:,}"
        for one in found.overlaps
        if one.strategy is strategy
    }
    names = list(shares.columns)
    texts = [[counts.get(frozenset((a, b)), "—" if a != b else "") for b in names] for a in names]
    figure = go.Figure(
        go.Heatmap(
            z=shares.to_numpy(),
            x=names,
            y=names,
            text=texts,
            texttemplate="%{text}",
            textfont={"color": ink(), "size": 13},
            colorscale=[[0, faint(SINGLE_HUE, 0.06)], [1, faint(SINGLE_HUE)]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} and %{x}: %{text}<extra></extra>",
            xgap=3,
            ygap=3,
        )
    )
    figure.update_xaxes(side="top", showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_layout(height=44 * len(names) + 60, margin={"l": 8, "r": 8, "t": 24, "b": 8})
    return figure


def _around_zero(ends: Sequence[float]) -> list[float]:
    """A range that holds zero and all intervals; Plotly's own for one row is half a unit wide."""
    known = [end for end in ends if pd.notna(end)]
    low, high = min([0.0, *known]), max([0.0, *known])
    aside = 0.08 * (high - low) or 0.01
    return [low - aside, high + aside]


def _in_order(figure: go.Figure, names: Sequence[str]) -> None:
    """The first name on top, and a line for each, whether or not it has a value."""
    figure.update_yaxes(
        categoryorder="array", categoryarray=names[::-1], range=[-0.6, len(names) - 0.4]
    )
