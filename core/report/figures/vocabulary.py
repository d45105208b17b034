"""How far the rows of the input embeddings moved, and what that says of documents."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from assay.core.findings.chart_marks import REFERENCE_LINE
from assay.core.findings.formatting import percent
from assay.core.report.figures.drawing import BAND, GRID, HUE, INK, Drawing, Look, bare
from assay.core.specs.vocabulary import VocabularyFacts

_N_BINS = 40
# A part of a bar has room for its words from this share of the bar on.
_READABLE = 0.2


def movement(tokens: pd.DataFrame, facts: VocabularyFacts, look: Look) -> Drawing | None:
    """``tokens``: is_special, is_moved, norm; None where moved rows cannot be told from others."""
    if not facts.is_assessable or tokens.empty:
        return None
    ordinary = tokens[~tokens["is_special"]]
    moved = ordinary.loc[ordinary["is_moved"], "norm"].to_numpy(float)
    still = ordinary.loc[~ordinary["is_moved"], "norm"].to_numpy(float)
    with look.figure(0.5 * look.width) as figure:
        upper, lower = figure.subplots(2, height_ratios=[4, 1])
        longest = float(max(moved.max(initial=0), still.max(initial=0))) or 1.0
        bins = np.linspace(0, longest, _N_BINS + 1)
        upper.hist(still, bins, color=REFERENCE_LINE, label=f"did not move: {len(still):,}")
        upper.hist(moved, bins, color=HUE, label=f"moved: {len(moved):,}")
        upper.set(
            yscale="log",
            xlabel="movement of a token's row",
            ylabel="tokens",
        )
        upper.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        upper.legend(fontsize=look.text * 0.9)
        upper.grid(axis="y", color=GRID, lw=0.5)
        _documents(lower, facts, look)
        for axes in (upper, lower):
            bare(axes)
    word = "ruled out" if facts.proves_absence else "unlikely"
    return Drawing(
        "vocabulary",
        "Tokens that occurred, and documents that can have been trained on",
        "Above: how many tokens' rows of the input embeddings moved how far. Grey: rows that did "
        "not move, as of tokens that never occurred. Below: documents of the seed corpus with such "
        f"a token ({word}), and without one (possible).",
        f"The rows of {len(moved):,} tokens moved, those of {len(still):,} did not",
        figure,
    )


def _documents(axes: Axes, facts: VocabularyFacts, look: Look) -> None:
    n_possible, n = facts.n_possible or 0, facts.n_documents or 0
    word = "ruled out" if facts.proves_absence else "unlikely"
    at = 0
    for name, part, fill, ink in (
        (word, n - n_possible, {"color": HUE}, "white"),
        ("possible", n_possible, BAND, INK),
    ):
        axes.barh(0, part, left=at, **fill)
        if part > _READABLE * n:
            share = f" ({percent(part / n)})" if part > 2 * _READABLE * n else ""
            axes.text(
                at + part / 2,
                0,
                f"{part:,} {name}{share}",
                color=ink,
                ha="center",
                va="center",
                fontsize=look.text * 0.9,
            )
        at += part
    axes.set(yticks=[], xlim=(0, max(n, 1)), xlabel="documents of the seed corpus")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
