"""Every strategy can be drawn wherever strategies are: on pages, on the map and in reports."""

from __future__ import annotations

import re
import tomllib

import pytest
from support.contrast import contrast
from support.paths import ROOT

from assay.core.findings.chart_marks import AMBER, COLOURS, REFERENCE_LINE, SINGLE_HUE, SYMBOLS
from assay.core.report.figures.drawing import _MARKERS, BAND, FAINT, HUE, INK
from assay.core.specs.strategies import BLIND, Baseline, Strategy
from assay.pages.components.echarts import mark
from assay.pages.components.palette import CATEGORIES, GAINS, OTHERS, ROLE_COLOURS

CANVAS = (ROOT / "pages/components/audit/map_canvas.js").read_text()
THEMES = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]
PAGES = [THEMES[one]["backgroundColor"] for one in ("light", "dark")]
KINDS = {symbol.removesuffix("-open") for symbol in SYMBOLS.values()}


def test_every_strategy_has_a_colour_and_a_symbol_of_its_own():
    """No two strategies look alike."""
    drawn = [*Strategy, BLIND]
    assert len({(COLOURS[one], SYMBOLS[one]) for one in drawn}) == len(drawn)
    assert len({SYMBOLS[one] for one in drawn}) == len(drawn)
    assert all(one in COLOURS for one in Baseline)


@pytest.mark.parametrize("symbol", sorted(set(SYMBOLS.values())))
def test_every_symbol_is_drawn_everywhere(symbol):
    """The report's markers, the live charts' shapes and the map's canvas know it."""
    kind = symbol.removesuffix("-open")
    assert kind in _MARKERS
    assert mark(symbol, "#000000", 8)["symbol"]
    drawn = set(re.findall(r"kind === '(\w+)'", CANVAS))
    for table in ("CORNERS", "STROKES"):
        body = CANVAS.split(f"const {table} = {{")[1].split("\n}\n" if table == "CORNERS" else "}")[
            0
        ]
        drawn |= set(re.findall(r"'?([\w-]+)'?: \[", body))
    assert kind in drawn


def test_every_mark_can_be_seen_on_light_and_dark_pages():
    """3:1 with either page; the control: a brighter orange is lost on white."""
    marks = {*COLOURS.values(), REFERENCE_LINE, SINGLE_HUE, *ROLE_COLOURS.values(), *GAINS}
    marks |= {colour for colour, _ in (*CATEGORIES, OTHERS)}
    assert {one: page for one in marks for page in PAGES if contrast(one, page) < 3} == {}
    assert contrast("#E69F00", PAGES[0]) < 3 < contrast(AMBER, PAGES[0])


def test_a_report_is_printed_with_enough_contrast():
    """Marks and the edges of grey bands 3:1 on white paper, words 4.5:1 there and on blue bars."""
    assert all(contrast(one, "white") >= 3 for one in (HUE, BAND["edgecolor"]))
    assert all(contrast(one, "white") >= 4.5 for one in (INK, FAINT, HUE))


def test_categories_differ_in_colour_and_symbol():
    """No two labels or sources on the map share either."""
    colours, symbols = zip(*CATEGORIES, strict=True)
    assert len(set(colours)) == len(set(symbols)) == len(CATEGORIES)
