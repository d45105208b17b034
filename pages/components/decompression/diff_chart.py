"""Support in one model against support in the other, with the noise."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from assay.core.specs.diff import Change
from assay.pages.components.charts import framed
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import BLUE, GREEN, INDIGO, NULL_AREA, REFERENCE_LINE, VERMILION

_STYLES = {
    Change.LOST: (VERMILION, "triangle-down"),
    Change.GAINED: (GREEN, "triangle-up"),
    Change.MOVED: (INDIGO, "diamond"),
    Change.SHIFTED: (BLUE, "circle"),
}
_N_NAMES = 5
_MARGIN = 0.04


def support_plot(rows: pd.DataFrame, floor: float | None) -> go.Figure:
    """Every compared topic; grey if not reported, larger if several share a point.

    The band along the diagonal is the noise floor, if there is one.
    """
    figure = go.Figure()
    if floor is not None:
        figure.add_trace(_band(min(floor, 1.0)))
    figure.add_trace(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": REFERENCE_LINE, "dash": "dot", "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(_unreported(rows[~rows["is_reported"]], floor is not None))
    for change, (colour, symbol) in _STYLES.items():
        own = rows[rows["is_reported"] & (rows["change"] == change)]
        if len(own):
            figure.add_trace(_reported(own, change, colour, symbol))
    span = [-_MARGIN, 1 + _MARGIN]
    axis = {"range": span, "tickformat": ".0%", "zeroline": False}
    figure.update_xaxes(title="support in A", **axis)
    figure.update_yaxes(title="support in B", **axis)
    return framed(figure, 440)


def _band(floor: float) -> go.Scatter:
    return go.Scatter(
        x=[0, 1 - floor, 1, 1, floor, 0],
        y=[floor, 1, 1, 1 - floor, 0, 0],
        fill="toself",
        **NULL_AREA,
        mode="lines",
        hoverinfo="skip",
        name="noise",
    )


def _unreported(rows: pd.DataFrame, has_floor: bool) -> go.Scatter:
    places = rows.assign(
        name=[
            one or other for one, other in zip(rows["first_name"], rows["second_name"], strict=True)
        ]
    ).groupby(["first_support", "second_support"])["name"]
    named = [(*at, list(names)) for at, names in places]
    return go.Scatter(
        x=[x for x, _, _ in named],
        y=[y for _, y, _ in named],
        mode="markers",
        marker={
            "color": REFERENCE_LINE,
            "opacity": 1,  # Plotly makes marks of several sizes fainter
            "size": [5 + 2 * len(names) ** 0.5 for _, _, names in named],
        },
        customdata=[_shown(names) for _, _, names in named],
        hovertemplate="%{customdata}<br>A %{x:.0%}, B %{y:.0%}<extra></extra>",
        name="within noise" if has_floor else "no noise run",
    )


def _reported(rows: pd.DataFrame, change: Change, colour: str, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=rows["first_support"],
        y=rows["second_support"],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 11},
        customdata=[
            plotly_safe(one or other)
            for one, other in zip(rows["first_name"], rows["second_name"], strict=True)
        ],
        hovertemplate=f"%{{customdata}}<br>A %{{x:.0%}}, B %{{y:.0%}}<extra>{change}</extra>",
        name=str(change),
    )


def _shown(names: list[str]) -> str:
    shown = [plotly_safe(name) for name in names[:_N_NAMES]]
    return "<br>".join(shown + ["…"] * (len(names) > _N_NAMES))
