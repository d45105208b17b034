"""One colour and one symbol for each strategy (and text alone), one colour for each membership
score, on every chart.

The Okabe–Ito colours, which people with any common colour blindness can tell apart, and a violet,
an olive, a dark green, a dark red and a slate blue for the others; the symbols carry the same
distinction for print and for everyone.
"""

from __future__ import annotations

from typing import Literal

import streamlit as st

from assay.core.specs.audit import Assessability
from assay.core.specs.data import Role
from assay.core.specs.strategies import BLIND, Baseline, Strategy

COLOURS: dict[str, str] = {
    Strategy.SELECT: "#1B87C9",
    Strategy.SELECT_PLUS: "#9A7BD1",
    Strategy.SELECT_BATCH: "#56B4E9",
    Strategy.TOP_K: "#E69F00",
    Strategy.TOP_K_BALANCED: "#D55E00",
    Strategy.P_MIN: "#009E73",
    Strategy.P_MAX: "#CC79A7",
    Strategy.RANDOM: "#8B929A",
    Strategy.EMBEDDING_MATCH: "#7F8C1F",
    Strategy.EMBEDDING_SELECT: "#3E7A5E",
    Strategy.VOCABULARY_MATCH: "#B23A63",
    Strategy.LOSS_DROP: "#4C6A92",
    BLIND: "#A4693D",
    # Membership scores are always drawn dashed, because there are more of them than colours.
    Baseline.FINAL_LOSS: "#009E73",
    Baseline.LOSS_RATIO: "#D55E00",
    Baseline.CONFIDENCE_GAIN: "#CC79A7",
    Baseline.MIN_K: "#E69F00",
    Baseline.ZLIB: "#56B4E9",
    Baseline.ERROR_ZONE: "#CC79A7",
    Baseline.WINDOWS: "#9A7BD1",
}
SYMBOLS: dict[str, str] = {
    Strategy.SELECT: "circle",
    Strategy.SELECT_PLUS: "diamond",
    Strategy.SELECT_BATCH: "circle-open",
    Strategy.TOP_K: "square",
    Strategy.TOP_K_BALANCED: "square-open",
    Strategy.P_MIN: "triangle-down",
    Strategy.P_MAX: "triangle-up",
    Strategy.RANDOM: "x",
    Strategy.EMBEDDING_MATCH: "star",
    Strategy.EMBEDDING_SELECT: "diamond-open",
    Strategy.VOCABULARY_MATCH: "star-open",
    Strategy.LOSS_DROP: "hexagon",
    BLIND: "cross",
}
NULL_BAND = "rgba(139, 146, 154, 0.22)"
REFERENCE_LINE = "#8B929A"
ROLE_COLOURS = {
    Role.TRAINED: "#D55E00",
    Role.HELD_OUT: "#1B87C9",
    Role.OUT_OF_DOMAIN: "#8B929A",
}
ROLE_SYMBOLS = {Role.TRAINED: "circle", Role.HELD_OUT: "circle-open", Role.OUT_OF_DOMAIN: "x"}
# A single quantity on a chart.
SINGLE_HUE = "#1B87C9"
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
