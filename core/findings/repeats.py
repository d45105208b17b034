"""Values over repeats (other seeds or other draws), for people."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pandas as pd

from assay.core.findings.formatting import Written, bare, interval
from assay.core.findings.table_cells import TableCell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import shown_as
from assay.core.stats.intervals import Spread

HOW_SPREADS_READ = (
    "square brackets: 95% t-interval of the mean, if there are three values or more and they "
    "differ; round brackets: lowest and highest value"
)


HOW_REPEATS_READ = (
    "Means over all audits in this store with the same options, whose final models differ only in "
    f"their training seed; {HOW_SPREADS_READ}. The intervals of one audit, above, do not include "
    "the variation between training runs; these do."
)


def spread_in_words(found: Spread, written: Written) -> str:
    """A mean over repeats: its interval in square brackets, the range in round brackets."""
    words = written(found.mean)
    if found.interval is not None:
        words += f" [{interval(found.interval.low, found.interval.high, written)}]"
    if found.n > 1:
        lowest_to_highest = interval(found.lowest, found.highest, written)
        is_one = written(found.lowest) == written(found.highest)
        words += f" (all {found.n} equal)" if is_one else f" ({lowest_to_highest})"
    return words


def spread_cell(found: Spread, written: Written, unit: str = "") -> TableCell:
    """The same as a table's cell; low and high are the interval's, None without one."""
    bounds = found.interval
    return TableCell.of(
        spread_in_words(found, written),
        unit,
        value=found.mean,
        low=bounds.low if bounds else None,
        high=bounds.high if bounds else None,
        lowest=found.lowest,
        highest=found.highest,
    )


def spread_table(
    metrics: pd.DataFrame, subjects: Iterable[str], shown: Iterable[Metric]
) -> pd.DataFrame:
    """One row per subject, one column per metric; ``metrics``: all repeats' metrics tables.

    Metrics that no subject has are left out.
    """
    values = metrics.groupby(["subject", "metric"])["value"].agg(list)
    table = pd.DataFrame(
        {"by": shown_as(subject)}
        | {
            metric.info.column: spread_cell(
                Spread.of(values[subject, metric], metric.info.bounds),
                partial(bare, metric),
                metric.info.unit,
            )
            for metric in shown
            if (subject, metric) in values.index
        }
        for subject in subjects
    )
    return table.fillna("")
