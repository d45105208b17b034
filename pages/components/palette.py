"""Colours of the dashboard alone; those of strategies are the reports' too."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from assay.core.findings.chart_marks import COLOURS as COLOURS
from assay.core.findings.chart_marks import NULL_BAND as NULL_BAND
from assay.core.findings.chart_marks import REFERENCE_LINE as REFERENCE_LINE
from assay.core.findings.chart_marks import SINGLE_HUE as SINGLE_HUE
from assay.core.findings.chart_marks import SYMBOLS as SYMBOLS
from assay.core.specs.audit import Assessability
from assay.core.specs.data import Role

ROLE_COLOURS = {
    Role.TRAINED: "#D55E00",
    Role.HELD_OUT: "#1B87C9",
    Role.OUT_OF_DOMAIN: "#8B929A",
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
    ("#1B87C9", "circle"),
    ("#E69F00", "square"),
    ("#009E73", "triangle-up"),
    ("#D55E00", "diamond"),
    ("#CC79A7", "cross"),
    ("#9A7BD1", "triangle-down"),
    ("#A4693D", "star"),
    ("#56B4E9", "x"),
)
OTHERS = ("#8B929A", "circle-open")
# From low to high; both ends are visible on light and dark pages.
GAINS = ["#1B87C9", "#8B929A", "#E69F00"]
_INK = {"light": "#1A2027", "dark": "#E4E8EC"}


def ink() -> str:
    """The text colour of the visitor's theme, for marks without a colour of their own."""
    return _INK[st.context.theme.type or "light"]
