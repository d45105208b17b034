"""Shares of labels or sources in selections, the reference set and the pool."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.stats import hypergeom

from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import points
from assay.core.findings.table_cells import PERCENT, TableCell, number_cell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import COLOURS, NULL_BAND

POOL, REFERENCE = "seed-corpus", "reference"
MAX_GROUPS = 16
_TITLES = {POOL: "seed corpus", REFERENCE: "reference set"}
_OTHERS = "others"
_COLUMNS = 4
_BETWEEN_ROWS = 40  # pixels
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
        hypergeom(n_pool, n_own.to_numpy(), n_selected).ppf(quantile) / n_selected
        for quantile in _CENTRAL
    ]
    return pd.DataFrame({"low": bounds[0], "high": bounds[1]}, index=shares.index)


def balance_figure(
    table: pd.DataFrame, bands: pd.DataFrame, strategies: Sequence[Strategy], ink: str
) -> go.Figure:
    """One panel per strategy: its shares as bars, the reference set's as marks, chance as bands."""
    n_columns = min(_COLUMNS, len(strategies))
    n_rows = -(-len(strategies) // n_columns)
    height = n_rows * (70 + 26 * len(table)) + 60
    figure = make_subplots(
        n_rows,
        n_columns,
        subplot_titles=[strategy.shown_as for strategy in strategies],
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.02,
        vertical_spacing=_BETWEEN_ROWS / height,
    )
    names = [plotly_safe(name) for name in table.index]
    for position, strategy in enumerate(strategies):
        where = {"row": position // n_columns + 1, "col": position % n_columns + 1}
        is_first = position == 0
        figure.add_trace(
            go.Bar(
                x=bands["high"] - bands["low"],
                base=bands["low"],
                y=names,
                orientation="h",
                width=0.9,
                marker={"color": NULL_BAND, "line": {"width": 0}},
                name="random selections",
                legendgroup="random",
                showlegend=is_first,
                hoverinfo="skip",
            ),
            **where,
        )
        figure.add_trace(
            go.Bar(
                x=table[strategy],
                y=names,
                orientation="h",
                width=0.45,
                marker={"color": COLOURS[strategy]},
                showlegend=False,
                hovertemplate="%{y}: %{x:.1%}<extra></extra>",
            ),
            **where,
        )
        for subject, symbol in ((POOL, "line-ns-open"), (REFERENCE, "diamond-open")):
            if subject in table:
                title = _TITLES[subject]
                figure.add_trace(
                    go.Scatter(
                        x=table[subject],
                        y=names,
                        mode="markers",
                        marker={
                            "symbol": symbol,
                            "size": 10,
                            "color": ink,
                            "line": {"width": 1.6, "color": ink},
                        },
                        name=title,
                        legendgroup=subject,
                        showlegend=is_first,
                        hovertemplate=f"{title}, %{{y}}: %{{x:.1%}}<extra></extra>",
                    ),
                    **where,
                )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", ticksuffix=" ")
    figure.update_layout(
        barmode="overlay",
        height=height,
        margin={"l": 8, "r": 8, "t": 64, "b": 8},
        legend={"orientation": "h", "y": 1.0, "yref": "container", "yanchor": "top", "x": 0},
    )
    return figure


def balance_table(
    table: pd.DataFrame, rows: MetricTable, strategies: Sequence[Strategy]
) -> pd.DataFrame:
    """One row per subject, shares in percent; each strategy's distance from the reference set."""
    subjects = [*strategies, *(one for one in _TITLES if one in table)]
    shown = table[subjects].T.map(_share)
    shown.columns = [f"{name}, %" for name in shown.columns]
    shown.insert(0, "", [_TITLES.get(one) or Strategy(one).shown_as for one in subjects])
    imbalances = [rows.get(one, Metric.IMBALANCE) for one in subjects]
    if any(imbalances):
        shown["imbalance"] = [
            number_cell(Metric.IMBALANCE, row["value"]) if row else "" for row in imbalances
        ]
    return shown


def _share(share: float) -> TableCell:
    return TableCell.of(points(share), PERCENT, value=share)
