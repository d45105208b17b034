"""The map's chart: every document a point, or a density with the selected documents as points.

It is drawn by map_canvas.js on a canvas, because a chart that is a picture of its data to Streamlit
starts anew, zoomed out, whenever a filter changes it, and sends back every point inside a lasso.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import ArrayLike, NDArray

from assay.core.similarity.map_regions import Region
from assay.core.specs.strategies import Strategy
from assay.pages.components.palette import CATEGORIES, COLOURS, GAINS, OTHERS, SYMBOLS

# Up to this many documents, each is a point; of more, the density is drawn.
MAX_DRAWN = 20_000
# Above a density, up to this many documents that match filters: each travels with its text.
MAX_MATCHES = 10_000
_N_BINS = 64
_MARGIN = 0.04
_MAX_NAME = 40
_SHAPES = (*dict.fromkeys(SYMBOLS.values()), "cross", "star")
_GAIN_STEPS = 24


class Colouring(StrEnum):
    """What the colours of selected and reference documents mean."""

    STRATEGY = "strategy"
    LABEL = "pseudolabel"
    SOURCE = "source"
    GAIN = "gain"


@dataclass(frozen=True)
class Panel:
    """One strategy's selected documents: document_id, rank, gain, group (a name), text, about, x,
    y."""

    strategy: Strategy
    rows: pd.DataFrame


@dataclass(frozen=True)
class MapView:
    """Everything the chart shows.

    ``pool``: the documents drawn as points, as in ``Panel`` but for rank and gain; ``density``:
    whether ``places`` (n × 2) are drawn as a density beneath. ``matching``: numbers of the
    documents that match filters, None without filters. ``reference``: reference_id, group, text,
    about, x, y, and ``matching_reference`` the numbers of those that match. ``area`` and
    ``open_places``: what is chosen. ``groups``: names of groups in the
    order of their colours; by default the most frequent first.
    """

    places: NDArray[np.float32]
    density: bool
    pool: pd.DataFrame
    panels: Sequence[Panel]
    reference: pd.DataFrame | None
    colouring: Colouring
    matching: NDArray[np.int64] | None
    regions: Sequence[Region]
    area: NDArray[np.float64] | None
    open_places: Sequence[tuple[float, float]]
    groups: Sequence[str] = ()
    matching_reference: NDArray[np.int64] | None = None


def bounds_of(places: NDArray[np.float32], reference: pd.DataFrame | None) -> list[float]:
    """left, bottom, right, top of the map, with a margin."""
    everything = places if reference is None else np.concatenate([places, reference[["x", "y"]]])
    low, high = everything.min(axis=0).astype(float), everything.max(axis=0).astype(float)
    margin = _MARGIN * np.maximum(high - low, 1e-6)
    return [*(low - margin).tolist(), *(high + margin).tolist()]


def show_map(
    view: MapView, bounds: Sequence[float], alt: str, on_chosen: Callable[[], None]
) -> None:
    """Draw it; a gesture calls ``on_chosen``, when ``st.session_state["map"].chosen`` holds it."""
    _component()(
        key="map", data=chart_data(view, bounds, alt), on_chosen_change=on_chosen, height="content"
    )


def chart_data(view: MapView, bounds: Sequence[float], alt: str) -> dict[str, Any]:
    """What map_canvas.js draws; numbers of colours and shapes are places in their lists."""
    scheme = _scheme(view)
    reference = view.reference
    return {
        "bounds": list(bounds),
        "alt": alt,
        "colours": scheme.colours,
        "shapes": list(_SHAPES),
        "legend": scheme.legend,
        "is_filtered": view.matching is not None,
        "density": _density(view.places) if view.density else None,
        "pool": _layer(view.pool, "document_id", view.matching, scheme.of_pool(view.pool)),
        "panels": [
            {
                "title": panel.strategy.shown_as,
                **_layer(panel.rows, "document_id", view.matching, scheme.of_panel(panel)),
            }
            for panel in view.panels
        ],
        "reference": None
        if reference is None
        else _layer(reference, "reference_id", view.matching_reference, scheme.of_pool(reference)),
        "regions": [
            {"x": one.x, "y": one.y, "name": " · ".join(map(short, one.words))}
            for one in view.regions
        ],
        "area": None if view.area is None else view.area.tolist(),
        "open": [list(place) for place in view.open_places],
    }


def short(name: str) -> str:
    """A name on one line, cut to what a legend holds."""
    name = " ".join(name.split())
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"


@cache
def _component() -> Callable[..., Any]:
    folder = Path(__file__).parent
    html, css, js = (
        (folder / f"map_canvas.{kind}").read_text(encoding="utf-8")
        for kind in ("html", "css", "js")
    )
    return st.components.v2.component("assay_map", html=html, css=css, js=js)


def _layer(
    rows: pd.DataFrame,
    number: str,
    matching: NDArray[np.int64] | None,
    marks: dict[str, list[int] | None],
) -> dict[str, Any]:
    return {
        "id": rows[number].tolist(),
        "xy": _packed(rows[["x", "y"]]),
        "text": rows["text"].tolist(),
        "about": rows["about"].tolist(),
        "match": None if matching is None else rows[number].isin(matching).astype(int).tolist(),
        **marks,
    }


def _packed(values: ArrayLike) -> str:
    """float32, row-major, in base64."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def _density(places: NDArray[np.float32]) -> dict[str, Any]:
    """Where the pool's documents are, as bins: the size does not grow with the pool."""
    counts, x_edges, y_edges = np.histogram2d(places[:, 0], places[:, 1], bins=_N_BINS)
    return {
        "nx": _N_BINS,
        "ny": _N_BINS,
        "x0": float(x_edges[0]),
        "y0": float(y_edges[0]),
        "dx": float(x_edges[1] - x_edges[0]),
        "dy": float(y_edges[1] - y_edges[0]),
        "counts": counts.astype(int).ravel().tolist(),
    }


@dataclass(frozen=True)
class _Scheme:
    """Colours of one colouring, and what each document's is."""

    colouring: Colouring
    colours: list[str]
    legend: list[dict[str, Any]]
    # The place of each group's colour and its shape; others share the last.
    groups: dict[str, int]
    gains: tuple[float, float]

    def of_pool(self, rows: pd.DataFrame) -> dict[str, list[int] | None]:
        """Documents of the pool and reference documents have the colour of their group, or none."""
        if not self.groups:
            return {"colour": None}
        return {"colour": [self.groups.get(group, -1) for group in rows["group"]]}

    def of_panel(self, panel: Panel) -> dict[str, list[int] | None]:
        rows = panel.rows
        if self.colouring is Colouring.STRATEGY:
            colour = [self.colours.index(COLOURS[panel.strategy])] * len(rows)
            return {"colour": colour, "shape": [_shape(SYMBOLS[panel.strategy])] * len(rows)}
        if self.colouring is Colouring.GAIN:
            low, high = self.gains
            share = np.clip((rows["gain"] - low) / max(high - low, 1e-12), 0, 1)
            colour = (share * (_GAIN_STEPS - 1)).round().astype(int).tolist()
            return {"colour": colour, "shape": [_shape("circle")] * len(rows)}
        code = [self.groups.get(group, len(self.colours) - 1) for group in rows["group"]]
        shapes = [_shape(symbol) for _, symbol in (*CATEGORIES, OTHERS)]
        return {"colour": code, "shape": [shapes[one] for one in code]}


def _shape(symbol: str) -> int:
    return _SHAPES.index(symbol)


def _scheme(view: MapView) -> _Scheme:
    reference = (
        [{"name": "reference documents (evaluation)", "colour": None, "shape": "x"}]
        if view.reference is not None
        else []
    )
    if view.colouring is Colouring.STRATEGY:
        used = [panel.strategy for panel in view.panels]
        legend = [
            {"name": f"selected by {one.shown_as}", "colour": COLOURS[one], "shape": SYMBOLS[one]}
            for one in used
        ]
        colours = list(dict.fromkeys(COLOURS[one] for one in used))
        return _Scheme(view.colouring, colours, [*legend, *reference], {}, (0, 0))
    if view.colouring is Colouring.GAIN:
        gains = pd.concat([panel.rows["gain"] for panel in view.panels])
        # One scale for all panels; otherwise the first documents' gains would hide all others.
        low, high = (float(one) for one in gains.quantile([0.05, 0.95])) if len(gains) else (0, 0)
        colours = [_between(GAINS, step / (_GAIN_STEPS - 1)) for step in range(_GAIN_STEPS)]
        legend = [
            {"name": f"gain {value:.4g}", "colour": colour, "shape": "circle"}
            for value, colour in zip((low, (low + high) / 2, high), GAINS, strict=True)
        ]
        return _Scheme(view.colouring, colours, [*legend, *reference], {}, (low, high))
    # A group that is missing in one panel has its colour anyway, because all panels share it.
    together = pd.concat([panel.rows["group"] for panel in view.panels])
    names = list(view.groups) or [str(one) for one in together.value_counts().index]
    marks = [*CATEGORIES[: len(names)], OTHERS]
    legend = [
        {"name": short(name), "colour": colour, "shape": symbol}
        for name, (colour, symbol) in zip(names, CATEGORIES, strict=False)
    ]
    if len(names) > len(CATEGORIES):
        legend.append({"name": "others", "colour": OTHERS[0], "shape": OTHERS[1]})
    groups = {name: place for place, name in enumerate(names[: len(CATEGORIES)])}
    return _Scheme(
        view.colouring, [colour for colour, _ in marks], [*legend, *reference], groups, (0, 0)
    )


def _between(colours: Sequence[str], share: float) -> str:
    """The colour at a share of the way through a list of hexadecimal colours."""
    place = share * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    parts = zip(_parts(colours[first]), _parts(colours[first + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - first)):02x}" for a, b in parts)


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
