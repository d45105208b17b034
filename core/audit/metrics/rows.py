"""One row per metric value: value, interval, null and how it was computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.cache.audits.writer import AuditBuilder
from assay.core.specs.metrics import Metric
from assay.core.stats.intervals import CONFIDENCE, Interval
from assay.core.stats.selection_metrics import Banded


@dataclass(frozen=True)
class MetricRow(Banded):
    """One row of the ``metrics`` table: what was measured, how, and its null."""

    subject: str
    metric: Metric
    method: str
    confidence: float | None = None
    null_kind: str | None = None


@dataclass(frozen=True)
class Null:
    """What chance gives: its value with an interval, and what was left to chance."""

    interval: Interval
    kind: str


def write_metrics(builder: AuditBuilder, rows: Sequence[MetricRow]) -> None:
    """Append metric rows."""
    builder.write_rows("metrics", rows)


def with_interval(
    subject: str,
    metric: Metric,
    interval: Interval,
    n: int,
    method: str,
    null: Null | None = None,
    ceiling: float | None = None,
    p_value: float | None = None,
) -> MetricRow:
    """A row whose value has an interval, and possibly a null with an interval."""
    return MetricRow(
        subject,
        metric,
        value=interval.value,
        method=method,
        low=interval.low,
        high=interval.high,
        confidence=CONFIDENCE,
        n=n,
        ceiling=ceiling,
        null_value=null.interval.value if null else None,
        null_low=null.interval.low if null else None,
        null_high=null.interval.high if null else None,
        null_kind=null.kind if null else None,
        p_value=p_value,
    )
