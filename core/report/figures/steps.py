"""How a selection's summed gradient turns towards the weight difference, one document at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Arc, Wedge
from numpy.typing import NDArray

from assay.core.findings.chart_marks import COLOURS, REFERENCE_LINE
from assay.core.findings.formatting import counted
from assay.core.report.figures.drawing import BAND, FAINT, GRID, INK, Drawing, Look, bare
from assay.core.specs.strategies import Strategy

# Sizes of the selection at which the direction is drawn, besides the last.
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
_LEAST_APART = 4.5  # degrees between two arrows
# Of the circle on which labels begin, and of the whole drawing; the arrows have length 1.
_RADIUS, _HEIGHT = 1.12, 1.24


def cosine_curves(
    objective: pd.DataFrame, random: pd.DataFrame, strategies: Sequence[Strategy], look: Look
) -> Drawing | None:
    """``objective``: strategy, rank, objective; ``random``: n_selected, mean, low, high."""
    drawn = [one for one in strategies if _curve(objective, one) is not None]
    if not drawn:
        return None
    with look.figure(0.42 * look.width) as figure:
        axes = figure.subplots()
        if len(random):
            axes.fill_between(
                random["n_selected"],
                random["low"],
                random["high"],
                **BAND,
                label="95% of random",
            )
        for strategy in drawn:
            sizes, cosines = _curve(objective, strategy) or ([], [])
            axes.plot(
                sizes, cosines, color=COLOURS[strategy], lw=look.line, label=strategy.shown_as
            )
        axes.set(xlabel="documents selected", ylabel="cosine")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.grid(color=GRID, lw=0.5)
        bare(axes)
        figure.legend(loc="outside right center", fontsize=look.text * 0.9)
    return Drawing(
        "approach",
        "The selection approaches the weight difference",
        "Cosine of the selection's summed gradient with the weight difference as documents are "
        "added. Grey: 95% of random selections.",
        "Cosine with the weight difference as selections grow, beside random ones",
        figure,
    )


def turning(
    objective: pd.DataFrame, random: pd.DataFrame, strategy: Strategy, look: Look
) -> Drawing | None:
    """Directions of the summed gradient after some of the steps, from ``objective``."""
    found = _curve(objective, strategy)
    if found is None:
        return None
    sizes, cosines = found
    degrees = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    picks = _apart(sizes, degrees)
    height = 0.58 * look.width
    with look.figure(height) as figure:
        axes = figure.subplots()
        _protractor(axes)
        if len(random):
            last = random.iloc[-1]
            low, high, mean = (
                float(np.degrees(np.arccos(np.clip(last[name], -1, 1))))
                for name in ("high", "low", "mean")
            )
            axes.add_patch(Wedge((0, 0), 1.0, low, high, width=1.0, zorder=0, **BAND))
            _arrow(axes, mean, REFERENCE_LINE, look)
            n_random = int(last["n_selected"])
            axes.text(
                np.cos(np.radians(mean)) - 0.05,
                1.04,
                f"{n_random:,} random documents: {mean:.0f}°",
                ha="right",
                color=FAINT,
            )
        shade = COLOURS[strategy]
        for place in picks:
            _arrow(axes, degrees[place], shade, look, 1.0 if place == picks[-1] else 0.45)
        _labels(axes, [(int(sizes[place]), float(degrees[place])) for place in picks], height, look)
        _arrow(axes, 0, INK, look)
        axes.text(1.03, 0, "weight\ndifference", va="center", fontsize=look.text)
        axes.set(xlim=(-0.55, 1.5), ylim=(-0.08, _HEIGHT - 0.08), aspect="equal")
        axes.axis("off")
    return Drawing(
        "turning",
        "The summed gradient turns towards the weight difference",
        f"Angle between the summed gradients of the first documents that {strategy.shown_as} "
        "selected and the weight difference: 0° is the same direction, 90° is unrelated. Grey: "
        f"{int(sizes[-1]):,} random documents, with the range of 95% of such selections. The "
        "arrows' lengths have no meaning.",
        "Arrows that turn towards the weight difference as documents are selected",
        figure,
    )


def _curve(
    objective: pd.DataFrame, strategy: Strategy
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Sizes and cosines of a strategy; None if it has none."""
    own = objective[objective["strategy"] == strategy].dropna(subset=["objective"])
    if own.empty:
        return None
    return own["rank"].to_numpy(np.int64) + 1, own["objective"].to_numpy(float)


def _apart(sizes: NDArray[np.int64], degrees: NDArray[np.float64]) -> list[int]:
    """Places of the first, the last and some sizes between whose directions do not overlap."""
    wanted = [place for place, n in enumerate(sizes) if n in _SIZES]
    kept = [len(sizes) - 1]
    for place in wanted:
        if all(abs(degrees[place] - degrees[other]) >= _LEAST_APART for other in kept):
            kept.append(place)
    return sorted(kept)


def _protractor(axes: Axes) -> None:
    axes.add_patch(Arc((0, 0), 2, 2, theta1=0, theta2=90, color=GRID, lw=1.2))
    axes.plot([0, 0], [0, 1], color=GRID, lw=1.2)


def _arrow(axes: Axes, degrees: float, colour: str, look: Look, alpha: float = 1.0) -> None:
    x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    axes.annotate(
        "",
        (x, y),
        (0, 0),
        arrowprops={
            "arrowstyle": "-|>",
            "color": colour,
            "lw": look.line,
            "alpha": alpha,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": look.text * 1.2,
        },
    )


def _labels(axes: Axes, steps: list[tuple[int, float]], height: float, look: Look) -> None:
    """Sizes and angles beside the arrows, from the top down, moved apart where they are close."""
    inches = height / _HEIGHT  # of one unit of the drawing
    gap, below = 1.5 * look.text / 72 / inches, _RADIUS
    for n, degrees in sorted(steps, key=lambda step: -step[1]):
        x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        below = min(_RADIUS * y, below - gap)
        right = float(np.sqrt(max(_RADIUS**2 - below**2, 0)))
        axes.plot([1.01 * x, right - 0.01], [1.01 * y, below], color=GRID, lw=0.8)
        axes.text(right, below, f"{counted(n, 'document')}: {degrees:.0f}°", ha="left", va="center")
