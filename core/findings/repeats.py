"""Figures over repeats as people read them: with other seeds, or in other draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import pandas as pd

from assay.core.findings.audit_tables import number, unit_of
from assay.core.findings.table_cells import TableCell
from assay.core.specs.metrics import Metric, possible
from assay.core.specs.strategies import shown_as
from assay.core.stats.intervals import Spread

HOW_SPREADS_READ = (
    "square brackets: its 95% t-interval, where there are three or more and they differ; round "
    "brackets: the lowest and the highest"
)


HOW_REPEATS_READ = (
    "The same question asked of final models trained alike but for the seed, all that this store "
    f"holds. Mean over them; {HOW_SPREADS_READ}. Intervals of one audit, above, say nothing of how "
    "figures vary between trainings; these do."
)


def spread_in_words(found: Spread, written: Callable[[float], str]) -> str:
    """A mean over repeats, its interval in square brackets, lowest and highest in round ones."""
    words = written(found.mean)
    if found.interval is not None:
        words += f" [{_range(found.interval.low, found.interval.high, written)}]"
    if found.n > 1:
        lowest_to_highest = _range(found.lowest, found.highest, written)
        is_one = written(found.lowest) == written(found.highest)
        words += f" (all {found.n} alike)" if is_one else f" ({lowest_to_highest})"
    return words


def spread_cell(found: Spread, written: Callable[[float], str], unit: str = "") -> TableCell:
    """The same as a table's cell; low and high are the interval's, None where there is none."""
    interval = found.interval
    return TableCell.of(
        spread_in_words(found, written),
        unit,
        value=found.mean,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        lowest=found.lowest,
        highest=found.highest,
    )


def spread_table(
    metrics: pd.DataFrame, subjects: Iterable[str], titles: Mapping[Metric, str]
) -> pd.DataFrame:
    """Subjects down, metrics across; ``metrics``: the metrics tables of repeats below each other.

    ``titles`` say the unit; metrics that no subject has are left out.
    """
    values = metrics.groupby(["subject", "metric"])["value"].agg(list)
    table = pd.DataFrame(
        {"by": shown_as(subject)}
        | {
            title: spread_cell(
                Spread.of(values[subject, metric], possible(metric)),
                partial(_bare, metric),
                unit_of(metric),
            )
            for metric, title in titles.items()
            if (subject, metric) in values.index
        }
        for subject in subjects
    )
    return table.fillna("")


def _bare(metric: Metric, value: float) -> str:
    return number(metric, value).removesuffix("%")


def _range(low: float, high: float, written: Callable[[float], str]) -> str:
    return f"{written(low).removesuffix('%')}–{written(high).removesuffix('%')}"
