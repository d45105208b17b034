"""One colour and one symbol for each strategy (and text alone), one colour for each membership
score, on every chart of pages, reports and presentations.

The Okabe–Ito colours, which people with any common colour blindness can tell apart, and a violet,
an olive, a dark green, a dark red, a slate blue and a brown for the others; the symbols carry the
same distinction for print and for everyone. Symbols are named as Plotly names them.
"""

from __future__ import annotations

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
    Strategy.LAYER_MATCH: "#8C5A2B",
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
    Strategy.LAYER_MATCH: "hexagon-open",
    BLIND: "cross",
}
NULL_BAND = "rgba(139, 146, 154, 0.22)"
REFERENCE_LINE = "#8B929A"
# A single quantity on a chart.
SINGLE_HUE = "#1B87C9"
