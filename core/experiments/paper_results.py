"""The numbers the authors report: facts shipped as rows, always marked with where they stand."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assay.core.specs.metrics import Metric

_FILE = Path(__file__).parent / "paper_results.csv"


@dataclass(frozen=True)
class ReferenceRow:
    """One of the authors' figures, a mean over their three seeds.

    ``source``: "paper", or "authors' notebook" where the paper draws what only that prints.
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
    """The authors' figures of one recipe."""
    with _FILE.open(encoding="utf-8", newline="") as stream:
        return tuple(_row(**row) for row in csv.DictReader(stream) if row["recipe"] == recipe)


def _row(x: str, metric: str, value: str, **names: str) -> ReferenceRow:
    return ReferenceRow(
        **names, x=float(x) if x else None, metric=Metric(metric), value=float(value)
    )
