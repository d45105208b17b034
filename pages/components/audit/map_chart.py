"""The map's chart: the pool as a density, reference and selected documents as points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from assay.core.specs.strategies import Strategy
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import CATEGORIES, COLOURS, GAINS, OTHERS, SYMBOLS

_N_BINS = 48
_MARGIN = 0.04
# From this many points of one kind on, they are drawn smaller.
_MANY = 400
# What a lasso returns for a point: one of these and the document's number.
SELECTED, TRUE = "selected", "true"


class Colouring(StrEnum):
    """What the colours of selected documents mean."""

    STRATEGY = "strategy"
    LABEL = "pseudolabel"
    SOURCE = "source"
    GAIN = "gain"


@dataclass(frozen=True)
class Panel:
    """One strategy's selected documents: document_id, rank, gain, group (a name), x, y."""

    strategy: Strategy
    rows: pd.DataFrame


def density(places: NDArray[np.float32]) -> go.Heatmap:
    """Where the pool's documents are, (n × 2), as bins: the size does not grow with the pool."""
    counts, x_edges, y_edges = np.histogram2d(places[:, 0], places[:, 1], bins=_N_BINS)
    return go.Heatmap(
        x=(x_edges[1:] + x_edges[:-1]) / 2,
        y=(y_edges[1:] + y_edges[:-1]) / 2,
        z=np.where(counts > 0, counts, np.nan).T,
        colorscale=[[0, "rgba(139,146,154,0.10)"], [1, "rgba(139,146,154,0.65)"]],
        showscale=False,
        hoverinfo="skip",
    )


def map_figure(
    places: NDArray[np.float32],
    panels: Sequence[Panel],
    true: pd.DataFrame | None,
    colouring: Colouring,
    ink: str,
) -> go.Figure:
    """Panels side by side in the same axes; ``true``: reference_id, x, y, drawn in ``ink``."""
    titles = [panel.strategy.shown_as for panel in panels]
    figure = make_subplots(1, len(panels), subplot_titles=titles, horizontal_spacing=0.02)
    groups = _groups(panels) if colouring in (Colouring.LABEL, Colouring.SOURCE) else []
    for column, panel in enumerate(panels, 1):
        figure.add_trace(density(places), 1, column)
        if true is not None:
            figure.add_trace(_true_documents(true, ink, is_first=column == 1), 1, column)
        for trace in _selected_documents(panel, colouring, groups, is_first=column == 1):
            figure.add_trace(trace, 1, column)
    _same_axes(figure, places, true)
    if colouring is Colouring.GAIN:
        figure.update_layout(coloraxis=_gain_axis(panels))
    figure.update_layout(
        height=580,
        margin={"l": 8, "r": 8, "t": 64, "b": 8},
        # Below the panels, because the toolbar is above them.
        legend={
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
            "x": 0,
            "itemsizing": "constant",
        },
        dragmode="lasso",
    )
    return figure


def _true_documents(true: pd.DataFrame, ink: str, is_first: bool) -> go.Scattergl:
    return go.Scattergl(
        x=true["x"],
        y=true["y"],
        customdata=[[TRUE, number] for number in true["reference_id"].tolist()],
        mode="markers",
        name="reference documents",
        legendgroup=TRUE,
        showlegend=is_first,
        marker={
            "symbol": "cross-thin",
            "size": 4,
            "opacity": 0.4,
            "line": {"width": 1, "color": ink},
        },
        hovertemplate="reference document %{customdata[1]}<extra></extra>",
    )


def _selected_documents(
    panel: Panel, colouring: Colouring, groups: Sequence[str], is_first: bool
) -> Iterator[go.Scattergl]:
    if colouring is Colouring.STRATEGY:
        marker = {"color": COLOURS[panel.strategy], "symbol": SYMBOLS[panel.strategy]}
        yield _points(panel.rows, panel.strategy.shown_as, marker, has_entry=True)
    elif colouring is Colouring.GAIN:
        marker = {"color": panel.rows["gain"], "coloraxis": "coloraxis"}
        yield _points(panel.rows, "selected", marker, has_entry=False)
    else:
        rest = panel.rows[~panel.rows["group"].isin(groups[: len(CATEGORIES)])]
        if len(rest):
            colour, symbol = OTHERS
            yield _points(rest, "others", {"color": colour, "symbol": symbol}, has_entry=is_first)
        # A group that is missing in one panel is in the legend anyway, because all panels share it.
        for group, (colour, symbol) in zip(groups, CATEGORIES, strict=False):
            own = panel.rows[panel.rows["group"] == group]
            yield _points(own, group, {"color": colour, "symbol": symbol}, has_entry=is_first)


def _points(rows: pd.DataFrame, name: str, marker: dict[str, Any], has_entry: bool) -> go.Scattergl:
    documents, gains = rows["document_id"].tolist(), rows["gain"].tolist()
    ranks = (rows["rank"] + 1).tolist()
    return go.Scattergl(
        x=rows["x"],
        y=rows["y"],
        customdata=[[SELECTED, *values] for values in zip(documents, ranks, gains, strict=True)],
        mode="markers",
        name=plotly_safe(name),
        legendgroup=plotly_safe(name),
        showlegend=has_entry,
        marker={"size": 8 if len(rows) < _MANY else 5, "opacity": 0.95, **marker},
        hovertemplate="rank %{customdata[2]}, gain %{customdata[3]:.4f}<extra></extra>",
    )


def _groups(panels: Sequence[Panel]) -> list[str]:
    """The groups' names, those with most documents first."""
    together = pd.concat([panel.rows["group"] for panel in panels])
    return together.value_counts().index.tolist()


def _gain_axis(panels: Sequence[Panel]) -> dict[str, Any]:
    """One scale for all panels; otherwise the first documents' gains would hide all others."""
    gains = pd.concat([panel.rows["gain"] for panel in panels])
    low, high = gains.quantile([0.05, 0.95])
    return {"colorscale": GAINS, "cmin": low, "cmax": high, "colorbar": {"title": "gain"}}


def _same_axes(figure: go.Figure, places: NDArray[np.float32], true: pd.DataFrame | None) -> None:
    everything = places if true is None else np.concatenate([places, true[["x", "y"]]])
    low, high = everything.min(axis=0), everything.max(axis=0)
    (left, bottom), (right, top) = low - _MARGIN * (high - low), high + _MARGIN * (high - low)
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": ""}
    figure.update_xaxes(range=[left, right], matches="x", **hidden)
    figure.update_yaxes(range=[bottom, top], matches="y", **hidden)
