"""Where the selected documents lie among all others, beside a random selection."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.core.findings.chart_marks import COLOURS, VERMILION
from assay.core.report.figures.drawing import Drawing, Look
from assay.core.specs.strategies import Strategy

_N_BINS = 60
_TRAINED, _CHANCE = VERMILION, "#4A5158"


def document_map(
    places: NDArray[np.float32],
    selected: Mapping[Strategy, pd.DataFrame],
    reference: pd.DataFrame,
    look: Look,
) -> Drawing | None:
    """One panel per selection (x, y); ``reference``: x, y of training documents, where known."""
    if not len(places) or not selected:
        return None
    # Thousands of marks as vectors would make the PDF slow to write and to open.
    with look.figure((1.04 / len(selected)) * look.width) as figure:
        panels = figure.subplots(1, len(selected), squeeze=False)[0]
        for axes, (strategy, rows) in zip(panels, selected.items(), strict=True):
            counts, x, y = np.histogram2d(places[:, 0], places[:, 1], bins=_N_BINS)
            shown = np.ma.masked_equal(np.sqrt(counts).T, 0)
            axes.pcolormesh(
                x, y, shown, cmap="Greys", vmin=0, vmax=2.2 * float(shown.max()), rasterized=True
            )
            if len(reference):
                axes.plot(
                    reference["x"],
                    reference["y"],
                    "x",
                    color=_TRAINED,
                    ms=look.mark * 0.45,
                    mew=0.07 * look.text,
                    alpha=0.55,
                    rasterized=True,
                )
            colour = _CHANCE if strategy is Strategy.RANDOM else COLOURS[strategy]
            axes.plot(
                rows["x"],
                rows["y"],
                "o",
                color=colour,
                ms=look.mark * 0.5,
                alpha=0.9,
                rasterized=True,
            )
            axes.set_title(f"{strategy.shown_as}: {len(rows):,}")
            axes.set(xticks=[], yticks=[])
            for side in axes.spines.values():
                side.set_color("#C5CAD0")
    return Drawing(
        "map",
        "Where the selected documents lie",
        "Documents with similar meaning lie together. Grey: density of the seed corpus. "
        + ("Crosses: training documents, for evaluation. " if len(reference) else "")
        + "The random selection shows what chance gives. Nearness is not evidence of membership.",
        "Map of the selected documents beside a random selection",
        figure,
    )
