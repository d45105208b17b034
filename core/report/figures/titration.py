"""What is located as more of the training documents leak into the pool."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from assay.core.findings.chart_marks import COLOURS, SYMBOLS
from assay.core.findings.formatting import counted
from assay.core.findings.titration_grid import nearest_budget, share_spreads
from assay.core.report.figures.drawing import FAINT, GRID, Drawing, Look, bare, marked
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, shown_as

# Percent of the training documents between two strategies, so that bars do not overlap.
_APART = 1.2
_DRAWN = (Metric.RECALL, Metric.MEMBERSHIP_AUC)


def titration_curves(
    grid: pd.DataFrame, budget: int, strategies: Sequence[Strategy], look: Look
) -> Drawing | None:
    """``grid``: as stored; of its budgets the nearest to ``budget`` is drawn. None without one.

    ``strategies``: those to draw beside the controls.
    """
    if grid.empty:
        return None
    nearest = nearest_budget(grid["budget"], budget)
    here = grid[grid["budget"] == nearest]
    metrics = [one for one in _DRAWN if (here["metric"] == one).any()]
    if not metrics:
        return None
    controls = Strategy.RANDOM, Strategy.P_MIN, BLIND
    names = [str(one) for one in dict.fromkeys([*strategies, *controls])]
    with look.figure(0.42 * look.width) as figure:
        panels = figure.subplots(1, len(metrics), squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            _panel(axes, here[here["metric"] == metric], metric, names, look)
        handles = {
            label: handle
            for axes in panels
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(
            handles.values(), handles, loc="outside right center", fontsize=look.text * 0.9
        )
    n_draws = here["seed"].nunique()
    return Drawing(
        "titration",
        "Titration",
        f"Measured at budget {nearest:,}: mean of {counted(n_draws, 'draw')} of the "
        "leaked documents, with bars from the lowest to the highest, shifted slightly. “random” "
        "and the dotted line are what chance gives; text alone sees no model.",
        "Recall and membership AUC against the leaked share, beside controls",
        figure,
    )


def _panel(
    axes: Axes, here: pd.DataFrame, metric: Metric, names: Sequence[str], look: Look
) -> None:
    scale = 100 if metric.info.is_percent else 1
    for place, name in enumerate(names):
        own = here[here["strategy"] == name]
        if own.empty:
            continue
        found = share_spreads(own)
        aside = _APART * (place - (len(names) - 1) / 2)
        at = [100 * share + aside for share in found]
        means = [scale * one.mean for one in found.values()]
        below = [scale * (one.mean - one.lowest) for one in found.values()]
        above = [scale * (one.highest - one.mean) for one in found.values()]
        axes.errorbar(at, means, yerr=[below, above], fmt="none", ecolor=COLOURS[name], lw=1)
        axes.plot(at, means, color=COLOURS[name], lw=look.line / 2, ls=":")
        axes.plot(
            at, means, label=shown_as(name), **marked(SYMBOLS[name], COLOURS[name], look.mark)
        )
    if metric.info.chance is not None:
        axes.axhline(scale * metric.info.chance, color=FAINT, ls=":", lw=1.2)
    axes.set_title(metric.info.title)
    axes.set(xlabel="leaked share", xlim=(-4, 104), xticks=(0, 50, 100))
    axes.xaxis.set_major_formatter("{x:g}%")
    if metric.info.is_percent:
        axes.yaxis.set_major_formatter("{x:g}%")
    axes.grid(color=GRID, lw=0.5)
    bare(axes)
