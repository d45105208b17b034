"""The topic tree as a treemap with clickable boxes."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb

from assay.pages.components.decompression.treemap_layout import Box, nested_boxes
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import REFERENCE_LINE, ink

# Viridis: distinguishable with any common colour blindness, and never grey.
_SCALE = "Viridis"
# Pixels; the width is a guess that makes boxes about square.
_WIDTH, _HEIGHT, _STRIP, _GAP = 600, 520, 22, 3
_BELOW = 48
_FONT, _CHARACTER = 10, 6
# The number of examples that an empty topic is drawn with.
_LEAST = 0.3
_WEIGHTS = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Colouring:
    """A column to colour by, its title, and the value below which it means nothing."""

    column: str
    title: str
    low: float
    high: float
    line: float | None = None
    as_percent: bool = False


def treemap(tree: pd.DataFrame, colouring: Colouring, picked: int) -> go.Figure:
    """Every topic, sized by the examples in and under it; grey if the colour means nothing.

    The ``picked`` topic has a frame. It is drawn as bars, one per topic with its number as
    customdata: Streamlit reports clicks on bars, but not on Plotly's own treemap.
    """
    children: dict[int, list[int]] = {}
    for row in tree[tree["parent_id"].notna()].itertuples():
        children.setdefault(int(row.parent_id), []).append(int(row.topic_id))
    sizes = dict(zip(tree["topic_id"].tolist(), _sizes(tree).tolist(), strict=True))
    whole = Box(0, 0, _WIDTH, _HEIGHT)
    boxes = nested_boxes(children, sizes, int(tree["topic_id"].iloc[0]), whole, _STRIP, _GAP)
    drawn = tree[tree["topic_id"].isin(list(boxes))]
    placed = [boxes[topic_id] for topic_id in drawn["topic_id"]]
    values = drawn[colouring.column].astype(float)
    is_grey = values.isna() | drawn["parent_id"].isna()
    if colouring.line is not None:
        is_grey |= values <= colouring.line
    colours = _colours(values, is_grey, colouring)
    figure = go.Figure(
        go.Bar(
            orientation="h",
            base=[box.x for box in placed],
            x=[box.width for box in placed],
            y=[box.y + box.height / 2 for box in placed],
            width=[box.height for box in placed],
            marker={
                "color": colours,
                "line": {
                    "color": ink(),
                    "width": [3 if one == picked else 0 for one in drawn["topic_id"]],
                },
            },
            text=[_wrapped(name, box) for name, box in zip(drawn["name"], placed, strict=True)],
            textposition="inside",
            insidetextanchor="start",
            textangle=0,
            insidetextfont={"color": [_ink_on(colour) for colour in colours]},
            customdata=[
                [topic_id, plotly_safe(name), _shown(value, colouring), n]
                for topic_id, name, value, n in zip(
                    drawn["topic_id"], drawn["name"], values, drawn["n_examples"], strict=True
                )
            ],
            hovertemplate=f"%{{customdata[1]}}<br>{colouring.title}: %{{customdata[2]}}<br>"
            "%{customdata[3]} examples<extra></extra>",
            showlegend=False,
        )
    )
    if values[~is_grey].notna().any():
        figure.add_trace(_colour_bar(colouring))
    figure.update_layout(
        height=_HEIGHT + _BELOW,
        margin={"l": 0, "r": 0, "t": 0, "b": _BELOW},
        xaxis={"visible": False, "range": [0, _WIDTH], "fixedrange": True},
        yaxis={"visible": False, "range": [_HEIGHT, 0], "fixedrange": True},
        plot_bgcolor="rgba(0,0,0,0)",
        barmode="overlay",
        uniformtext={"minsize": _FONT, "mode": "hide"},
        dragmode=False,
    )
    return figure


def _sizes(tree: pd.DataFrame) -> pd.Series:
    """By examples, with a little for an empty topic; by topics if there are no examples at all."""
    if tree["n_examples"].sum() == 0:
        return _n_leaves(tree)
    return tree["n_examples"].clip(lower=_LEAST)


def _wrapped(name: str, box: Box) -> str:
    n_characters = max(8, int(box.width / _CHARACTER))
    lines = textwrap.wrap(name, n_characters, break_long_words=False)
    return "<br>".join(html.escape(line) for line in lines) or " "


def _ink_on(colour: str) -> str:
    """Black or white, whichever has more contrast (WCAG's relative luminance)."""
    channels = [channel / 255 for channel in _channels(colour)]
    linear = [
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in channels
    ]
    luminance = sum(weight * one for weight, one in zip(_WEIGHTS, linear, strict=True))
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def _channels(colour: str) -> tuple[float, ...]:
    return hex_to_rgb(colour) if colour.startswith("#") else unlabel_rgb(colour)


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
    """An invisible point that carries the scale, because the boxes are coloured one by one."""
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
                "title": {"text": colouring.title, "side": "top"},
                "orientation": "h",
                "thickness": 10,
                "len": 0.94,  # beside it is half of the last tick's label
                "y": 0,
                "yanchor": "top",
                "tickformat": ".0%" if colouring.as_percent else None,
            },
        },
    )


def _shown(value: float, colouring: Colouring) -> str:
    if pd.isna(value):
        return "not measured"
    return f"{value:.0%}" if colouring.as_percent else f"{value:z.2f}"
