"""The stage that compares students with random selections' and the main strategy's students."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.rows import MetricRow, with_interval, write_metrics
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import RANDOM_STUDENTS, Strategy, main_strategy
from assay.core.stats.intervals import Interval
from assay.core.stats.student_leads import MIN_RANDOM, Lead, StudentsOfRandom


def compare_students(audit: AuditContext) -> None:
    """Write leads with intervals and p-values; nothing with fewer than two random students."""
    builder = audit.builder
    if builder.is_done("student comparison"):
        return
    with builder.stage("student comparison"):
        write_metrics(builder, list(_rows(audit)))


def _rows(audit: AuditContext) -> Iterator[MetricRow]:
    spec = audit.spec
    outcomes, counts = audit.rows.student_outcomes()
    random = [own for name, own in outcomes.items() if name.partition(" #")[0] == Strategy.RANDOM]
    if len(random) < MIN_RANDOM or len(counts) < MIN_RANDOM:
        return
    metric = _metric(spec)
    is_loss = metric is Metric.PERPLEXITY
    sign = -1.0 if is_loss else 1.0
    drawn = StudentsOfRandom(sign * np.stack(random), counts)
    one_more = drawn.one_more()
    if is_loss:
        # Signs were reversed, so the ends of the interval are exchanged.
        one_more = Interval(*np.exp([-one_more.value, -one_more.high, -one_more.low]).tolist())
    yield with_interval(
        RANDOM_STUDENTS,
        metric,
        one_more,
        drawn.n,
        f"mean over the students of {drawn.n} random selections; interval: where the student of "
        "one more would be (t-distribution)",
    )
    how = (
        "paired t-test over test documents that also counts how much the students of "
        f"{drawn.n} random selections differ"
    )
    # A strategy that selected nothing has no student.
    asked = [strategy for strategy in spec.strategies_of_students if strategy in outcomes]
    main = main_strategy(asked)
    for strategy in asked:
        if strategy is Strategy.RANDOM:
            continue
        own = sign * outcomes[strategy]
        yield _row(strategy, Metric.LEAD_OVER_RANDOM, drawn.lead_over_random(own), counts, how)
        if strategy is not main:
            lead = drawn.lead(own, sign * outcomes[main])
            yield _row(
                strategy, Metric.STUDENT_LEAD, lead, counts, f"compared with {main.shown_as}; {how}"
            )


def _row(
    strategy: Strategy, metric: Metric, lead: Lead, counts: NDArray[np.int64], how: str
) -> MetricRow:
    return with_interval(strategy, metric, lead.difference, len(counts), how, p_value=lead.p_value)


def _metric(spec: AuditSpec) -> Metric:
    if spec.test is None:
        return Metric.AGREEMENT
    return Metric.PERPLEXITY if spec.task is Task.SFT else Metric.ACCURACY
