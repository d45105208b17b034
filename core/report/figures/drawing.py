"""What every figure of a report and a story is: drawn once, written as SVG or PNG."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assay.core.findings.chart_marks import REFERENCE_LINE, SINGLE_HUE
from assay.core.report.figures.fonts import font_families

INK, FAINT, GRID, HUE = "#1F2933", "#6B747D", "#DDE1E5", SINGLE_HUE
# What chance gives: a faint area inside lines that everybody can see.
BAND: dict[str, Any] = {"facecolor": GRID, "edgecolor": REFERENCE_LINE, "linewidth": 0.6}
_DPI = 200
_MOST_CHARACTERS = 40
_MARKERS = {
    "circle": "o",
    "diamond": "D",
    "square": "s",
    "triangle-down": "v",
    "triangle-up": "^",
    "x": "x",
    "star": "*",
    "hexagon": "h",
    "cross": "P",
}


@dataclass(frozen=True)
class Look:
    """``width`` in inches; ``text`` in points, and everything else in proportion to it.

    ``most_rows``: of strategies on one chart.
    """

    width: float
    text: float
    most_rows: int

    @property
    def line(self) -> float:
        """The width of a curve, in points."""
        return 0.18 * self.text

    @property
    def mark(self) -> float:
        """The size of a point on a chart, in points."""
        return 0.65 * self.text

    @property
    def row(self) -> float:
        """The height of a row of a chart, in inches."""
        return 0.033 * self.text

    @contextmanager
    def figure(self, height: float) -> Iterator[Figure]:
        """A figure of that height in inches, to be drawn on inside the context."""
        style: dict[Any, Any] = {
            "font.family": font_families(),
            "font.size": self.text,
            "axes.titlesize": self.text,
            "axes.edgecolor": GRID,
            "axes.labelcolor": FAINT,
            "xtick.color": FAINT,
            "ytick.color": FAINT,
            "text.color": INK,
            "axes.linewidth": 0.6,
            "legend.frameon": False,
            # A name from a file is text, whatever stands in it.
            "text.parse_math": False,
        }
        with matplotlib.rc_context(style):
            yield Figure(figsize=(self.width, height), layout="constrained")


REPORT, STORY = Look(6.4, 8.0, 20), Look(9.2, 15.0, 7)


@dataclass(frozen=True)
class Drawing:
    """``name``: of its file; ``caption``: how to read it, with what chance alone would give."""

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure

    @property
    def svg(self) -> bytes:
        """The same bytes whenever the same is drawn."""
        # Ids inside the image are hashes of this.
        with matplotlib.rc_context({"svg.hashsalt": "assay", "svg.fonttype": "path"}):
            return self._saved("svg", dpi=_DPI, metadata={"Date": None, "Creator": None})

    @property
    def png(self) -> bytes:
        return self._saved("png", dpi=_DPI, metadata={"Software": None})

    @property
    def address(self) -> str:
        """The image as a data URL."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()

    def _saved(self, kind: str, **how: Any) -> bytes:
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            # Names may be in scripts that no installed font has; they are drawn as boxes.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self.figure.savefig(buffer, format=kind, **how)
        return buffer.getvalue()


def bare(axes: Axes) -> None:
    """Axes without a frame, their grid behind what is drawn."""
    axes.tick_params(which="both", length=0)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)


def marked(symbol: str, colour: str, size: float) -> dict[str, Any]:
    """How matplotlib draws one of Plotly's symbols."""
    is_open = symbol.endswith("-open")
    return {
        "marker": _MARKERS[symbol.removesuffix("-open")],
        "color": colour,
        "markerfacecolor": "none" if is_open else colour,
        "markersize": size,
        "linestyle": "none",
    }


def one_line(name: str) -> str:
    """A name from a file, cut to what a chart holds."""
    name = " ".join(name.split())
    return name if len(name) <= _MOST_CHARACTERS else name[: _MOST_CHARACTERS - 1] + "…"
