"""Which rankings and strategies of an audit are worth comparing with another audit's."""

from __future__ import annotations

from assay.cache.audits.side_by_side import Side
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BASELINE_TITLES, STRATEGY_TITLES, Strategy


def common_rankings(first: Side, second: Side) -> list[str]:
    """Names of the rankings that both have, in their usual order; a random order is none."""
    return [
        name
        for name in (*STRATEGY_TITLES, *BASELINE_TITLES)
        if all(name in side.scores and not _is_random(side, name) for side in (first, second))
    ]


def common_strategies(first: Side, second: Side) -> list[Strategy]:
    """Strategies whose selections both have, in their usual order; random ones are left out."""
    return [
        one
        for one in Strategy
        if all(one in side.selections and not _is_random(side, one) for side in (first, second))
    ]


def _is_random(side: Side, name: str) -> bool:
    drawn = {row["subject"] for row in side.metrics if row["metric"] == Metric.EQUAL_SCORES}
    return name == Strategy.RANDOM or name in drawn
