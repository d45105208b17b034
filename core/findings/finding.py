"""A finding: a headline and the sentences that support it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assay.core.findings.formatting import Row as Row
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class Finding:
    """A headline and the sentences that support it, each from one metric."""

    headline: str
    sentences: tuple[str, ...]


class MetricTable:
    """The metrics table, looked up by subject and metric."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {(row["subject"], row["metric"]): row for row in rows}

    def get(self, subject: str, metric: Metric) -> Row | None:
        return self._rows.get((subject, metric))

    def all(self) -> Iterable[Row]:
        return self._rows.values()

    def best(self, strategies: Iterable[Strategy], metric: Metric) -> Strategy | None:
        """The strategy with the best value of ``metric``."""
        known = {s: row["value"] for s in strategies if (row := self.get(s, metric))}
        choose = min if metric.info.is_lower_better else max
        return choose(known, key=lambda strategy: known[strategy]) if known else None
