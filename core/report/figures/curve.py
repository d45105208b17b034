"""True against false positives of membership rankings, on logarithmic axes, with the 1% point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from assay.core.findings.chart_marks import COLOURS
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent
from assay.core.report.figures.drawing import BAND, FAINT, GRID, Drawing, Look, bare
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BASELINE_TITLES, shown_as
from assay.core.stats.auc import chance_rates, found_share, roc

_POINT = 0.01
_N_POINTS = 400


def roc_curve(
    scores: pd.DataFrame, names: Sequence[str], rows: MetricTable, look: Look
) -> Drawing | None:
    """``scores``: scorer, score, is_trained; None without documents of both roles."""
    drawn = [name for name in names if name in set(scores["scorer"])]
    roles = scores[scores["scorer"] == drawn[0]]["is_trained"] if drawn else pd.Series(dtype=bool)
    n_trained, n_held_out = int(roles.sum()), int((~roles.astype(bool)).sum())
    if not n_trained or not n_held_out:
        return None
    with look.figure(0.5 * look.width) as figure:
        axes = figure.subplots()
        mistaken, low, high = chance_rates(n_trained, n_held_out)
        axes.fill_between(mistaken, low, high, step="post", label="chance, 95%", **BAND)
        for name in drawn:
            own = scores[scores["scorer"] == name]
            is_trained, values = own["is_trained"].to_numpy(bool), own["score"].to_numpy(float)
            false, true = roc(values[is_trained], values[~is_trained])
            kept = _thinned(len(false))
            row = rows.get(name, Metric.MEMBERSHIP_TPR)
            at = row["value"] if row else _at_point(values, is_trained)
            axes.step(
                false[kept],
                true[kept],
                where="post",
                color=COLOURS[name],
                lw=look.line,
                ls="--" if name in BASELINE_TITLES else "-",
                label=f"{shown_as(name)}: {percent(at)}",
            )
            if at > 0:
                axes.plot(_POINT, at, "o", color=COLOURS[name], ms=look.mark)
        smallest = 1 / n_held_out, 1 / n_trained
        axes.axvline(_POINT, color=FAINT, ls=":", lw=1.2)
        axes.set(
            xscale="log",
            yscale="log",
            xlim=(min(smallest[0], _POINT / 2), 1),
            ylim=(smallest[1] / 2, 1.1),
            xlabel="false positive rate",
            ylabel="true positive rate",
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:g}%")
            axis.set_minor_formatter(lambda value, _: "")
        axes.grid(color=GRID, lw=0.5)
        bare(axes)
        figure.legend(loc="outside right center", title="found at 1%", fontsize=look.text * 0.9)
    return Drawing(
        "membership-curve",
        "True and false positives",
        f"Share of {n_trained:,} training documents that are found against share of {n_held_out:,} "
        "held-out documents that are taken for them; both axes are logarithmic. Dotted: a false "
        "positive rate of 1%; dots and legend: the share found there. Grey: 95% of rankings that "
        "know nothing. Dashed: membership scores without gradients.",
        "True positive rate against false positive rate of the main rankings beside chance",
        figure,
    )


def _at_point(values: np.ndarray, is_trained: np.ndarray) -> float:
    return found_share(values[is_trained], values[~is_trained], _POINT).value


def _thinned(n: int) -> np.ndarray:
    """A limited number of points to draw, dense where rates are small."""
    if n <= _N_POINTS:
        return np.arange(n)
    return np.unique(np.geomspace(1, n, _N_POINTS).round().astype(int) - 1)
