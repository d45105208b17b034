"""Every strategy can be drawn wherever strategies are: on pages, on the map and in reports."""

from __future__ import annotations

import re

import pytest
from support.paths import ROOT

from assay.core.findings.chart_marks import COLOURS, SYMBOLS
from assay.core.report.figures.drawing import _MARKERS
from assay.core.specs.strategies import BLIND, Baseline, Strategy
from assay.pages.components.echarts import mark

CANVAS = (ROOT / "pages/components/audit/map_canvas.js").read_text()
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
