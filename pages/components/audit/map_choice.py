"""What is chosen on the map, as the address holds it: an area, or one document.

The address is the only place where a choice is kept, so a link shows what its sender saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from assay.pages.components.asked_for import say_not_offered
from assay.pages.components.evidence_links import DOCUMENT

AREA, REFERENCE = "area", "reference"
# Corners of an area in a link, in thousandths of the map's width and height.
_MAX_CORNERS = 48
_STEPS = 1_000

Polygon = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The area (corners × 2, in the map's units) and the one document that are chosen, if any."""

    area: Polygon | None
    document: str | None
    reference: str | None

    def __bool__(self) -> bool:
        return not (self.area is None and self.document is None and self.reference is None)


def chosen_in_link(bounds: Sequence[float]) -> Choice:
    """The address's choice; what is no area is ignored, and said to be."""
    area = area_from(st.query_params.get(AREA, ""), bounds)
    if area is None:
        say_not_offered(AREA, "Area")
    return Choice(
        area,
        st.query_params.get(DOCUMENT),
        st.query_params.get(REFERENCE),
    )


def put_in_link(event: Mapping[str, Any], bounds: Sequence[float]) -> None:
    """Keep a gesture's result: an area with its documents, or one document of it."""
    kind: Any = event.get("kind")
    value: Any = event.get("value")
    if kind == AREA:
        clear_link()
        st.query_params[AREA] = as_text(value, bounds)
    elif kind in (DOCUMENT, REFERENCE):
        st.query_params.pop(REFERENCE if kind == DOCUMENT else DOCUMENT, None)
        st.query_params[kind] = str(int(value))


def close_document() -> None:
    """Show the area's documents again."""
    for name in (DOCUMENT, REFERENCE):
        st.query_params.pop(name, None)


def clear_link() -> None:
    """Choose nothing."""
    close_document()
    st.query_params.pop(AREA, None)


def as_text(corners: Sequence[Sequence[float]], bounds: Sequence[float]) -> str:
    """An area for an address: at most 48 corners, each as x-y in thousandths of the map."""
    left, bottom, right, top = bounds
    places = np.asarray(corners, float)
    if len(places) > _MAX_CORNERS:
        places = places[np.linspace(0, len(places) - 1, _MAX_CORNERS).round().astype(int)]
    steps = (places - [left, bottom]) / [right - left, top - bottom] * _STEPS
    whole = np.clip(steps.round(), 0, _STEPS).astype(int)
    return ".".join(f"{x}-{y}" for x, y in whole)


def area_from(text: str, bounds: Sequence[float]) -> Polygon | None:
    """The area that an address holds; None if it holds none."""
    pairs = [corner.split("-") for corner in text.split(".")]
    is_valid = 3 <= len(pairs) <= _MAX_CORNERS and all(
        len(pair) == 2 and all(one.isascii() and one.isdecimal() and len(one) <= 4 for one in pair)
        for pair in pairs
    )
    if not is_valid:
        return None
    left, bottom, right, top = bounds
    steps = np.array(pairs, float) / _STEPS
    return np.array([left, bottom]) + steps * [right - left, top - bottom]


def inside(places: NDArray[np.float32], area: Polygon) -> NDArray[np.bool_]:
    """Which places (n × 2) lie in an area: those from which a ray crosses its edge oddly often."""
    x, y = places[:, 0].astype(float), places[:, 1].astype(float)
    found = np.zeros(len(places), bool)
    for (ax, ay), (bx, by) in zip(area, np.roll(area, -1, axis=0), strict=True):
        if ay != by:
            crosses = (ay > y) != (by > y)
            found ^= crosses & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return found
