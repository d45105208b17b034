"""Table cells that are shown to people as text and exported as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from assay.core.findings.formatting import (
    Row,
    Written,
    bare,
    bare_p_value,
    bracketed,
    decimal,
    interval,
    interval_of,
)
from assay.core.specs.interval import Interval
from assay.core.specs.metrics import Metric

# The main number of a cell; its column in an export has the table's own heading.
_VALUE = "value"
PERCENT = "%"


@dataclass(frozen=True)
class TableCell:
    """A cell's compact text, and its numbers by name: value, low, high …

    Numbers are in the text's unit; None if unknown.
    """

    text: str
    numbers: Mapping[str, float | None]
    unit: str = ""

    @classmethod
    def of(cls, text: str, unit: str = "", /, **numbers: float | None) -> TableCell:
        """``numbers`` as stored: shares if the ``unit`` is ``PERCENT``."""
        scale = 100 if unit == PERCENT else 1
        return cls(
            text,
            {
                name: None if one is None or pd.isna(one) else scale * one
                for name, one in numbers.items()
            },
            unit,
        )

    def __str__(self) -> str:
        return self.text


def number_cell(metric: Metric, value: float) -> TableCell:
    """A metric's value under a heading that gives the unit."""
    return TableCell.of(bare(metric, value), metric.info.unit, value=value)


def bracketed_cell(row: Row | Interval, written: Written = decimal, unit: str = "") -> TableCell:
    """A value with its interval, or alone without one."""
    found = interval_of(row)
    bounds = {} if pd.isna(found.low) else {"low": found.low, "high": found.high}
    return TableCell.of(bracketed(row, written), unit, value=found.value, **bounds)


def interval_cell(low: float, high: float, written: Written = decimal) -> TableCell:
    """An interval without a value."""
    return TableCell.of(interval(low, high, written), low=low, high=high)


def p_cell(probability: float) -> TableCell:
    """A p-value."""
    return TableCell.of(bare_p_value(probability), value=probability)


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table for people."""
    return table.apply(lambda column: column.map(_text) if _has_numbers(column) else column)


def as_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The table for other programs: each number in a column of its own, at full precision.

    A value keeps its column's heading, with the unit. Its bounds and other numbers follow in
    columns "heading: low", "heading: high" …; words in place of a number are in "heading: words".
    """
    columns: dict[str, Any] = {}
    for heading in table:
        column = table[heading]
        columns |= _apart(str(heading), column) if _has_numbers(column) else {heading: column}
    return pd.DataFrame(columns, index=table.index)


def _apart(heading: str, column: pd.Series) -> dict[str, pd.Series]:
    cells = [cell for cell in column if isinstance(cell, TableCell)]
    unit = f", {PERCENT}" if {cell.unit for cell in cells} == {PERCENT} else ""
    titled = heading if unit in heading else f"{heading}{unit}"
    parts = {}
    for name in dict.fromkeys(name for cell in cells for name in cell.numbers):
        numbers = [c.numbers.get(name) if isinstance(c, TableCell) else None for c in column]
        title = titled if name == _VALUE else f"{titled}: {name}"
        parts[title] = pd.Series(numbers, column.index, dtype=_dtype(numbers))
    words = [None if isinstance(c, TableCell) or pd.isna(c) else str(c) or None for c in column]
    if any(words):
        parts[f"{heading}: words"] = pd.Series(words, column.index, dtype=object)
    return parts


def _dtype(numbers: list[float | None]) -> str:
    is_whole = all(one is None or isinstance(one, int) for one in numbers)
    return "Int64" if is_whole else "float64"


def _has_numbers(column: pd.Series) -> bool:
    return column.dtype == object and any(isinstance(cell, TableCell) for cell in column)


def _text(cell: Any) -> Any:
    return cell.text if isinstance(cell, TableCell) else cell
