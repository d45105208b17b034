"""Colours of the dashboard alone; those of strategies are the reports' too."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from plotly.colors import hex_to_rgb

from assay.core.findings.chart_marks import (
    AMBER,
    BLUE,
    CRIMSON,
    GREEN,
    GREY,
    INDIGO,
    ORCHID,
    SIENNA,
    VERMILION,
)
from assay.core.findings.chart_marks import COLOURS as COLOURS
from assay.core.findings.chart_marks import NULL_BAND as NULL_BAND
from assay.core.findings.chart_marks import REFERENCE_LINE as REFERENCE_LINE
from assay.core.findings.chart_marks import SINGLE_HUE as SINGLE_HUE
from assay.core.findings.chart_marks import SYMBOLS as SYMBOLS
from assay.core.specs.audit import Assessability
from assay.core.specs.data import Role

ROLE_COLOURS = {
    Role.TRAINED: VERMILION,
    Role.HELD_OUT: BLUE,
    Role.OUT_OF_DOMAIN: GREY,
}
ROLE_SYMBOLS = {Role.TRAINED: "circle", Role.HELD_OUT: "circle-open", Role.OUT_OF_DOMAIN: "x"}
# Names that Streamlit knows; the badge's icon and word make the same distinction.
Badge = Literal["red", "orange", "blue", "green", "gray"]
VERDICT_COLOURS: dict[Assessability, Badge] = {
    Assessability.ASSESSABLE: "blue",
    Assessability.LIMITED: "orange",
    Assessability.NOT_ASSESSABLE: "red",
}
# Labels and sources, the most frequent first; the others share the last colour.
CATEGORIES = (
    (BLUE, "circle"),
    (AMBER, "square"),
    (GREEN, "triangle-up"),
    (VERMILION, "diamond"),
    (ORCHID, "cross"),
    (INDIGO, "triangle-down"),
    (SIENNA, "star"),
    (CRIMSON, "x"),
)
OTHERS = (GREY, "circle-open")
# From low to high; every part is visible on light and dark pages.
GAINS = [BLUE, GREY, AMBER]
# What chance gives, as Plotly's bars and as its areas.
NULL_BAR = {"color": NULL_BAND, "line": {"color": REFERENCE_LINE, "width": 1}}
NULL_AREA = {"fillcolor": NULL_BAND, "line": {"color": REFERENCE_LINE, "width": 1}}
_INK = {"light": "#1A2027", "dark": "#E4E8EC"}


def faint(colour: str, opacity: float = 0.5) -> str:
    """The colour of an area through which others are seen."""
    red, green, blue = hex_to_rgb(colour)
    return f"rgba({red}, {green}, {blue}, {opacity})"


def ink() -> str:
    """The text colour of the visitor's theme, for marks without a colour of their own."""
    return _INK[st.context.theme.type or "light"]
