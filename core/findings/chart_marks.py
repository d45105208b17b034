"""One colour and one symbol for each strategy (and text alone), one colour for each membership
score, on every chart of pages, reports and presentations.

Every colour has 3:1 contrast with white pages and with dark ones (WCAG 2.2, 1.4.11: non-text
contrast). That leaves so little room for light and dark that people with a colour blindness confuse
some pairs. So symbols make the same distinction, for them and for print. Symbols are named as
Plotly names them.
"""

from __future__ import annotations

from assay.core.specs.strategies import BLIND, Baseline, Strategy

BLUE, ORCHID, INDIGO, AMBER = "#0F7AC4", "#C15BE0", "#7148D9", "#CC8400"
VERMILION, GREEN, PINK, GREY = "#CC3B00", "#009E73", "#B8478F", "#8B929A"
OLIVE, FOREST, CRIMSON, SLATE = "#7F8C1F", "#3E7A5E", "#E0245E", "#4C6A92"
UMBER, SIENNA = "#786432", "#A4693D"
COLOURS: dict[str, str] = {
    Strategy.SELECT: BLUE,
    Strategy.SELECT_PLUS: ORCHID,
    Strategy.SELECT_BATCH: INDIGO,
    Strategy.TOP_K: AMBER,
    Strategy.TOP_K_BALANCED: VERMILION,
    Strategy.P_MIN: GREEN,
    Strategy.P_MAX: PINK,
    Strategy.RANDOM: GREY,
    Strategy.EMBEDDING_MATCH: OLIVE,
    Strategy.EMBEDDING_SELECT: FOREST,
    Strategy.VOCABULARY_MATCH: CRIMSON,
    Strategy.LOSS_DROP: SLATE,
    Strategy.LAYER_MATCH: UMBER,
    BLIND: SIENNA,
    # Membership scores are always drawn dashed, because there are more of them than colours.
    Baseline.FINAL_LOSS: GREEN,
    Baseline.LOSS_RATIO: VERMILION,
    Baseline.CONFIDENCE_GAIN: PINK,
    Baseline.MIN_K: AMBER,
    Baseline.ZLIB: INDIGO,
    Baseline.ERROR_ZONE: PINK,
    Baseline.WINDOWS: ORCHID,
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
# What chance gives: a faint area inside lines that everybody can see.
NULL_BAND = "rgba(139, 146, 154, 0.22)"
REFERENCE_LINE = GREY
# A single quantity on a chart.
SINGLE_HUE = BLUE
