"""The tables of a comparison of several audits; columns are called A, B, C … as the audits are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import pandas as pd

from assay.core.comparison.audits import Comparison
from assay.core.comparison.differences import Difference
from assay.core.findings.comparison import letter, letters
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import bare, decimal, signed
from assay.core.findings.table_cells import TableCell, bracketed_cell, p_cell
from assay.core.specs.interval import Interval
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, shown_as

IDENTICAL = "identical"
# What one strategy reached in each audit; of the first three at most one is measured.
SIDE_BY_SIDE = (
    Metric.ACCURACY,
    Metric.PERPLEXITY,
    Metric.AGREEMENT,
    Metric.MEMBERSHIP_AUC,
    Metric.MEMBERSHIP_TPR,
    Metric.RECALL,
    Metric.PRECISION,
    Metric.TRANSPORT,
    Metric.COSINE,
)
DIFFERENCES_NOTE = (
    "Values over the documents that both audits share, shares as decimals. Difference: the second "
    "value minus the first, with its 95% interval, paired over documents (AUC: DeLong; recall: "
    "Bonett–Price, p by McNemar's exact test; students: t-test over students of random selections)."
    " Where as many documents are selected, precision is proportional to recall, so the two share "
    "one test. p is corrected for all comparisons in this table (Holm)."
)
OVERLAPS_NOTE = (
    "In common: how many of the first documents of both selections are the same; “of”: how many of "
    "each were taken. By chance: mean and central 95% of random selections (hypergeometric). "
    "p: two-sided, corrected for all overlaps in this table (Holm)."
)
_SIDES_NOTE = (
    "Each audit's own values over all its documents, with 95% intervals in brackets. Whether two "
    "intervals overlap does not show whether the audits differ; the table of differences tests "
    "that."
)
_TPR_NOTE = "TPR at 1% FPR: share of training documents found at a false positive rate of 1%."


def sides_note(metrics: Sequence[Metric]) -> str:
    """How to read the table of these metrics."""
    return f"{_SIDES_NOTE} {_TPR_NOTE}" if Metric.MEMBERSHIP_TPR in metrics else _SIDES_NOTE


def settings_table(found: Comparison) -> pd.DataFrame:
    """Settings in which the audits differ, one column an audit."""
    return pd.DataFrame(
        [
            {"setting": one.name, **{letter(i): value for i, value in enumerate(one.values)}}
            for one in found.differing
        ]
    )


def differences_table(found: Comparison, shown: Iterable[Difference] | None = None) -> pd.DataFrame:
    """Paired differences, the surest first: of B from A or, of several audits, of each from A.

    All by default.
    """
    ordered = sorted(
        found.differences if shown is None else shown,
        key=lambda one: (one.is_identical, one.p_value),
    )
    is_pair = len(found.sides) == 2
    second = letter(1) if is_pair else "other"
    rows = []
    for one in ordered:
        own = one.difference
        rows.append(
            {
                **({} if is_pair else {"audits": f"{letter(one.pair[1])} − {letter(one.pair[0])}"}),
                "measure": one.metric.info.short,
                "of": shown_as(one.subject),
                letter(0): bracketed_cell(_alone(one.values[0])),
                second: bracketed_cell(_alone(one.values[1])),
                "difference": IDENTICAL if one.is_identical else _signed_cell(own),
                "p": "" if one.is_identical else p_cell(one.corrected),
                "documents": one.n,
            }
        )
    return pd.DataFrame(rows)


def overlaps_table(found: Comparison) -> pd.DataFrame:
    """How many documents the selections of each strategy have in common."""
    return pd.DataFrame(
        [
            {
                "audits": letters(one.pair),
                "strategy": one.strategy.shown_as,
                "in common": one.n_both,
                "of": one.n_selected,
                "by chance": bracketed_cell(one.by_chance, partial(decimal, digits=0)),
                "p": p_cell(one.corrected),
                "searched by both": one.n_pool,
            }
            for one in found.overlaps
        ]
    )


def sides_table(found: Comparison, strategy: Strategy, titles: Sequence[str]) -> pd.DataFrame:
    """One row an audit, one column a metric of one strategy."""
    shown = metrics_of(found, strategy)
    table = []
    for i, side in enumerate(found.sides):
        rows = MetricTable(side.metrics)
        cells: dict[str, str | TableCell] = {"letter": letter(i), "audit": titles[i]}
        for metric in shown:
            row = rows.get(strategy, metric)
            if row:
                cells[metric.info.column] = bracketed_cell(
                    row, partial(bare, metric), metric.info.unit
                )
        table.append(cells)
    return pd.DataFrame(table).fillna("")


def metrics_of(found: Comparison, strategy: Strategy) -> list[Metric]:
    """The metrics of one strategy that any audit has; agreement only without a test set."""
    tables = [MetricTable(side.metrics) for side in found.sides]
    known = [m for m in SIDE_BY_SIDE if any(rows.get(strategy, m) for rows in tables)]
    truth = {Metric.ACCURACY, Metric.PERPLEXITY}
    return [m for m in known if m is not Metric.AGREEMENT or not truth & set(known)]


def values_of(found: Comparison, strategy: Strategy, metric: Metric) -> dict[str, Row]:
    """A metric of one strategy in each audit that has it."""
    rows = {
        letter(i): MetricTable(side.metrics).get(strategy, metric)
        for i, side in enumerate(found.sides)
    }
    return {name: row for name, row in rows.items() if row}


def overlap_matrix(found: Comparison, strategy: Strategy) -> pd.DataFrame:
    """The share of documents in common for every pair of audits; missing where none is known."""
    names = [letter(i) for i in range(len(found.sides))]
    table = pd.DataFrame(float("nan"), index=names, columns=names)
    for one in found.overlaps:
        if one.strategy is strategy:
            first, second = map(letter, one.pair)
            share = one.n_both / one.n_selected
            table.loc[first, second] = table.loc[second, first] = share
    return table


def _alone(value: float) -> Interval:
    return Interval(value, float("nan"), float("nan"))


def _signed_cell(own: Interval) -> TableCell:
    text = f"{signed(own.value)} [{signed(own.low)} to {signed(own.high)}]"
    return TableCell.of(text, value=own.value, low=own.low, high=own.high)
