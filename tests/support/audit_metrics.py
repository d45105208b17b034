"""The metrics of a made-up audit file: the located documents measured as an audit does, the rest
invented."""

from __future__ import annotations

import numpy as np

from assay.cache.audits.rows import Roles
from assay.core.audit.metrics.recall import located_metrics
from assay.core.audit.metrics.rows import MetricRow, Null, with_interval
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import Interval

N_TESTED = 900


def strategy_metrics(strategy: Strategy, documents: np.ndarray, roles: Roles) -> list[MetricRow]:
    """Those of one strategy; without leaked documents, those that need no reference set."""
    number, budget = list(Strategy).index(strategy), len(documents)
    accuracy = 0.5 + 0.05 * number
    rows = [
        share(strategy, Metric.AGREEMENT, accuracy, 0.03),
        beside_random(strategy, Metric.COSINE, 0.1 * number, budget, (0.05, 0.02), 1),
        beside_random(strategy, Metric.IMBALANCE, 0.3 - 0.04 * number, budget, (0.1, 0.05), 0),
    ]
    if not roles.is_trained.any():
        return rows
    loss = MetricRow(
        strategy,
        Metric.LOSS,
        value=1.5 - accuracy,
        method="mean cross-entropy, nats",
        n=N_TESTED,
    )
    coverage = Interval(0.3 + 0.05 * number, 0.25 + 0.05 * number, 0.35 + 0.05 * number)
    return [
        *rows,
        loss,
        share(
            strategy,
            Metric.ACCURACY,
            accuracy,
            0.03,
            Null(Interval(0.25, 0.25, 0.25), "largest class"),
        ),
        beside_random(strategy, Metric.TRANSPORT, 1.2 - 0.02 * number, budget, (1.2, 0.02), 0.9),
        with_interval(
            strategy,
            Metric.EMBEDDING_RECALL,
            coverage,
            budget,
            "coverage",
            random_null(0.4, 0.05),
            0.9,
        ),
        beside_random(strategy, Metric.CONTAINMENT, 0.8, budget, (0.8, 0.01), 0.9),
        *located_metrics(roles, strategy, documents.tolist()),
    ]


def model_metrics() -> list[MetricRow]:
    """What the final and the base model reach on the test set."""
    return [share("final", Metric.ACCURACY, 0.88, 0.02), share("base", Metric.ACCURACY, 0.25, 0.03)]


def share(
    subject: str, metric: Metric, value: float, half: float, null: Null | None = None
) -> MetricRow:
    """A share of the test set, with an interval of ``half`` to both sides."""
    interval = Interval(value, value - half, value + half)
    return with_interval(subject, metric, interval, N_TESTED, "Wilson interval", null)


def beside_random(
    strategy: Strategy,
    metric: Metric,
    value: float,
    n: int,
    null: tuple[float, float],
    ceiling: float,
) -> MetricRow:
    """A value without an interval, beside random selections' mean and half of their band."""
    band = random_null(*null)
    return MetricRow(
        strategy,
        metric,
        value=value,
        method="exact",
        n=n,
        ceiling=ceiling,
        null_value=band.interval.value,
        null_low=band.interval.low,
        null_high=band.interval.high,
        null_kind=band.kind,
    )


def random_null(mean: float, half: float) -> Null:
    return Null(Interval(mean, mean - half, mean + half), "599 random selections")
