"""Shares of labels or sources in selections, the reference set and the pool, beside chance."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import scipy  # loads scipy.stats when it is first used, see stats/intervals.py

from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import decimal, points, possessive
from assay.core.findings.table_cells import PERCENT, TableCell, number_cell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

POOL, REFERENCE = "seed-corpus", "reference"
MAX_GROUPS = 16
SHARE_TITLES = {POOL: "seed corpus", REFERENCE: "reference set"}
_OTHERS = "others"
_CENTRAL = (0.025, 0.975)


def share_table(counts: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Counts (subject, group, n) as shares: one row per group, one column per subject.

    ``groups`` gives the order; beyond ``MAX_GROUPS``, those with fewest documents are combined.
    """
    table = counts.pivot_table(index="group", columns="subject", values="n", aggfunc="sum")
    table = table.reindex(groups).fillna(0)
    if len(table) > MAX_GROUPS:
        kept = table.sum(axis=1).nlargest(MAX_GROUPS - 1).index
        rest = table[~table.index.isin(kept)].sum()
        table = table[table.index.isin(kept)]
        table.loc[_OTHERS] = rest
    return table / table.sum()


def random_bands(shares: pd.Series, n_pool: int, n_selected: int) -> pd.DataFrame:
    """low and high of each group's share in random selections: the central 95%, hypergeometric."""
    n_own = (shares * n_pool).round().astype(int)
    bounds = [
        scipy.stats.hypergeom(n_pool, n_own.to_numpy(), n_selected).ppf(quantile) / n_selected
        for quantile in _CENTRAL
    ]
    return pd.DataFrame({"low": bounds[0], "high": bounds[1]}, index=shares.index)


def balance_table(
    table: pd.DataFrame, rows: MetricTable, strategies: Sequence[Strategy]
) -> pd.DataFrame:
    """One row per subject, shares in percent; each strategy's distance from the reference set."""
    subjects = [*strategies, *(one for one in SHARE_TITLES if one in table)]
    shown = table[subjects].T.map(_share)
    shown.columns = [f"{name}, %" for name in shown.columns]
    shown.insert(0, "set", [SHARE_TITLES.get(one) or Strategy(one).shown_as for one in subjects])
    imbalances = [rows.get(one, Metric.IMBALANCE) for one in subjects]
    if any(imbalances):
        shown["imbalance"] = [
            number_cell(Metric.IMBALANCE, row["value"]) if row else "" for row in imbalances
        ]
    return shown


def is_from_reference(row: Row) -> bool:
    """Whether an imbalance is from the training documents' labels; without those it is from equal
    shares, which says nothing about what was trained on."""
    return "equal shares" not in str(row.get("method"))


def share_sentence(rows: MetricTable, strategy: Strategy) -> str | None:
    """How near a selection's shares are to the training documents', or to equal shares where those
    are unknown; None where nothing was measured."""
    row = rows.get(strategy, Metric.IMBALANCE)
    if row is None:
        return None
    expected = "those of the training documents" if is_from_reference(row) else "equal shares"
    return (
        f"Total variation between the class shares of {possessive(strategy.shown_as)} selection "
        "and "
        f"{expected}: {decimal(row['value'])}. 95% of {row['null_kind']} have "
        f"{decimal(row['null_low'])} to {decimal(row['null_high'])}."
    )


def _share(share: float) -> TableCell:
    return TableCell.of(points(share), PERCENT, value=share)
