"""Charts of a report as SVG images without scripts, fonts or addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from assay.core.findings.finding import Row
from assay.core.specs.strategies import Strategy

_INK, _FAINT, _BAND = "#1F2933", "#8B929A", "#E3E6E9"
_WIDTH, _ROW, _MARGINS = 6.4, 0.27, 0.75


def dot_plot(own: Mapping[Strategy, Row], references: Mapping[str, float], is_share: bool) -> str:
    """The data URL of an SVG: one line per strategy with its interval, the null as a grey band."""
    ordered = sorted(own, key=lambda strategy: own[strategy]["value"])
    scale = 100.0 if is_share else 1.0
    # Ids inside the image are hashes of this, so the same audit gives the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "assay", "svg.fonttype": "path"}):
        figure = Figure(figsize=(_WIDTH, _ROW * len(ordered) + _MARGINS), layout="constrained")
        axes = figure.subplots()
        first = own[ordered[0]]
        if pd.notna(first["null_low"]) and first["null_high"] > first["null_low"]:
            axes.axvspan(scale * first["null_low"], scale * first["null_high"], color=_BAND, lw=0)
        for line, strategy in enumerate(ordered):
            row = own[strategy]
            if pd.notna(row["low"]):
                axes.plot([scale * row["low"], scale * row["high"]], [line, line], color=_INK, lw=1)
            axes.plot(scale * row["value"], line, "o", color=_INK, ms=5)
        for name, value in references.items():
            axes.axvline(scale * value, color=_FAINT, ls=":", lw=1.2)
            axes.annotate(
                name,
                (scale * value, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=_FAINT,
            )
        axes.set_yticks(range(len(ordered)), [strategy.shown_as for strategy in ordered])
        axes.tick_params(labelsize=8, colors=_INK, length=0)
        axes.grid(axis="x", color=_BAND, lw=0.6)
        axes.set_axisbelow(True)
        for side in axes.spines.values():
            side.set_visible(False)
        if is_share:
            axes.xaxis.set_major_formatter("{x:g}%")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()
