"""Parts of a titration's grid that pages and the report draw, and that its command ends with."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from assay.core.findings.formatting import bare, interval, percent
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import CONTROLS, shown_as
from assay.core.stats.intervals import Spread


def nearest_budget(measured: Iterable[int], budget: int) -> int | None:
    """The measured budget nearest to the chosen one, of two the smaller; None without a grid."""
    return min(map(int, measured), key=lambda one: (abs(one - budget), one), default=None)


def share_spreads(measured: pd.DataFrame) -> dict[float, Spread]:
    """One strategy's values over draws at each leaked share; ``measured`` holds one metric."""
    limits = Metric(measured["metric"].iloc[0]).info.bounds
    return {
        float(share): Spread.of(own["value"].tolist(), limits)
        for share, own in measured.groupby("leaked_share")
    }


def recall_table(grid: pd.DataFrame, strategies: Iterable[str], budget: int) -> pd.DataFrame:
    """One row per leaked share: the recall of these strategies beside the controls', for a
    terminal. Mean over draws; square brackets: its interval, round ones: lowest and highest."""
    here = grid[(grid["budget"] == budget) & (grid["metric"] == Metric.RECALL)]
    measured = set(here["strategy"])
    shown = [one for one in dict.fromkeys([*strategies, *CONTROLS]) if one in measured]
    spreads = {one: share_spreads(here[here["strategy"] == one]) for one in shown}
    shares = sorted(set().union(*spreads.values()))
    return pd.DataFrame(
        {
            f"{Metric.RECALL.info.column} at": f"{percent(share, 0)} leaked",
            **{shown_as(one): _in_brief(own.get(share)) for one, own in spreads.items()},
        }
        for share in shares
    )


def _in_brief(found: Spread | None) -> str:
    if found is None:
        return ""

    def written(value: float) -> str:
        return bare(Metric.RECALL, value)

    words = written(found.mean)
    if found.interval is not None:
        return f"{words} [{interval(found.interval.low, found.interval.high, written)}]"
    if found.lowest < found.highest:
        return f"{words} ({interval(found.lowest, found.highest, written)})"
    return words
