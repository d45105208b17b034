"""Charts that are drawn anew at each move of a slider, by ECharts.

Streamlit makes a Plotly chart from the beginning whenever its data change, which takes the browser
0.2 s a chart; ECharts paints the same canvas again. Tooltips are HTML there, so text of documents
must never be part of a chart: only numbers and names of our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

# Crosses, stars and hexagons, which ECharts does not have; all lie in a square.
_PATHS = {
    "cross": "M0 0m3.5 0h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
    "star": "M5 0L6.2 3.5H10L6.9 5.7L8 9.4L5 7.2L2 9.4L3.1 5.7L0 3.5H3.8z",
    "hexagon": "M2.5 .7h5L10 5L7.5 9.3h-5L0 5z",
}
_SHAPES: dict[str, tuple[str, int]] = {
    "circle": ("circle", 0),
    "square": ("rect", 0),
    "diamond": ("diamond", 0),
    "triangle-up": ("triangle", 0),
    "triangle-down": ("triangle", 180),
    "cross": (f"path://{_PATHS['cross']}", 0),
    "x": (f"path://{_PATHS['cross']}", 45),
    "star": (f"path://{_PATHS['star']}", 0),
    "hexagon": (f"path://{_PATHS['hexagon']}", 0),
}
# Streamlit's grey for a chart's small text has 3.7:1 (assets/readable.css).
_SMALL_TEXT = {"light": "#59626c", "dark": "#a9b3bd"}


def show_canvas(option: dict[str, Any], *, key: str, alt: str, height: int, **more: Any) -> Any:
    """Draw it without animation; ``key`` keeps its canvas from one run to the next."""
    return st.echarts_chart({"animation": False, **option}, key=key, alt=alt, height=height, **more)


def mark(symbol: str, colour: str, size: int, border: str | None = None) -> dict[str, Any]:
    """A series' marks, by Plotly's name of their symbol: "-open" ones are hollow."""
    shape, turned = _SHAPES[symbol.removesuffix("-open")]
    is_open = symbol.endswith("-open")
    return {
        "symbol": shape,
        "symbolRotate": turned,
        "symbolSize": size,
        "itemStyle": {
            "color": "transparent" if is_open else colour,
            "borderColor": border or colour,
            "borderWidth": 1.5 if is_open or border else 0,
        },
    }


def axis(title: str, is_percent: bool, **more: Any) -> dict[str, Any]:
    """An axis of numbers with its title along it; percents are given as such (50, not 0.5)."""
    colour = small_text()
    return {
        "type": "value",
        "name": title,
        "nameLocation": "middle",
        "nameTextStyle": {"color": colour},
        "axisLabel": {"color": colour, "formatter": "{value}%" if is_percent else "{value}"},
        **more,
    }


def legend(names: Sequence[str]) -> dict[str, Any]:
    """These series' names above the chart."""
    colour = {"color": small_text()}
    return {"data": list(names), "top": 0, "left": 0, "right": 0, "textStyle": colour}


def small_text() -> str:
    """The colour of titles and numbers of axes in the visitor's theme."""
    return _SMALL_TEXT[st.context.theme.type or "light"]
