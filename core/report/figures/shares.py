"""The classes, or sources, that a selection consists of, beside random selections."""

from __future__ import annotations

import pandas as pd

from assay.core.findings.chart_marks import COLOURS
from assay.core.findings.class_shares import POOL, REFERENCE, SHARE_TITLES, random_bands
from assay.core.findings.formatting import possessive
from assay.core.report.figures.drawing import BAND, GRID, INK, Drawing, Look, bare, one_line
from assay.core.specs.strategies import Strategy


def class_bars(
    table: pd.DataFrame,
    n_documents: int,
    budget: int,
    strategy: Strategy,
    kind: str,
    look: Look,
) -> Drawing | None:
    """``table``: shares by group (rows) and subject; ``kind``: what a group is, "class"."""
    if strategy not in table or POOL not in table:
        return None
    bands = random_bands(table[POOL], n_documents, budget)
    with look.figure(1.6 * look.row * len(table) + 0.125 * look.text) as figure:
        axes = figure.subplots()
        at = range(len(table))
        axes.barh(
            at,
            100 * (bands["high"] - bands["low"]),
            left=100 * bands["low"],
            height=0.85,
            **BAND,
            label="95% of random",
        )
        axes.barh(
            at, 100 * table[strategy], height=0.4, color=COLOURS[strategy], label=strategy.shown_as
        )
        for subject, mark in ((POOL, "|"), (REFERENCE, "D")):
            if subject in table:
                axes.plot(
                    100 * table[subject],
                    at,
                    mark,
                    color=INK,
                    ms=look.mark,
                    mfc="none",
                    mew=0.1 * look.text,
                    label=SHARE_TITLES[subject],
                )
        axes.set_yticks(list(at), [one_line(str(name)) for name in table.index])
        axes.invert_yaxis()
        axes.set_xlabel("share of documents")
        axes.xaxis.set_major_formatter("{x:g}%")
        axes.tick_params(axis="y", labelcolor=INK)
        axes.grid(axis="x", color=GRID, lw=0.5)
        bare(axes)
        figure.legend(loc="outside right center", fontsize=look.text * 0.9)
    return Drawing(
        "class-balance",
        "Class balance" if kind == "class" else "Sources",
        f"Share of each {kind} in {possessive(strategy.shown_as)} selection. Grey: 95% of random "
        "selections "
        f"of {budget:,} documents. Strokes: seed corpus."
        + (" Diamonds: the training documents." if REFERENCE in table else ""),
        f"Share of each {kind} in the selection beside random selections",
        figure,
    )
