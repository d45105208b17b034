"""Parts of a titration's grid that pages and the report draw."""

from __future__ import annotations

import pandas as pd

from assay.core.specs.metrics import Metric
from assay.core.stats.intervals import Spread


def nearest_budget(measured: pd.DataFrame, budget: int) -> int | None:
    """The measured budget nearest to the chosen one; None without a grid."""
    budgets = measured["budget"].unique()
    return int(min(budgets, key=lambda one: abs(one - budget))) if len(budgets) else None


def share_spreads(measured: pd.DataFrame) -> dict[float, Spread]:
    """One strategy's values over draws at each leaked share; ``measured`` holds one metric."""
    limits = Metric(measured["metric"].iloc[0]).info.bounds
    return {
        float(share): Spread.of(own["value"].tolist(), limits)
        for share, own in measured.groupby("leaked_share")
    }
