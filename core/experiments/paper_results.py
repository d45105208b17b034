"""The numbers that the authors report, shipped as data and always marked with their source."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assay.core.specs.metrics import Metric

_FILE = Path(__file__).parent / "paper_results.csv"


@dataclass(frozen=True)
class ReferenceRow:
    """One of the authors' values, a mean over their three seeds.

    ``source``: "paper", or "authors' notebook" if the paper only shows a plot of the value.
    """

    recipe: str
    panel: str
    variant: str
    x: float | None
    subject: str
    metric: Metric
    value: float
    source: str


@cache
def reference_rows(recipe: str) -> tuple[ReferenceRow, ...]:
    """The authors' values for one recipe."""
    with _FILE.open(encoding="utf-8", newline="") as stream:
        return tuple(_row(**row) for row in csv.DictReader(stream) if row["recipe"] == recipe)


def _row(x: str, metric: str, value: str, **names: str) -> ReferenceRow:
    return ReferenceRow(
        **names, x=float(x) if x else None, metric=Metric(metric), value=float(value)
    )
