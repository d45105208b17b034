"""How many leaked documents a selection holds, with domain and membership separated."""

from __future__ import annotations

from collections.abc import Sequence

from assay.cache.audits.rows import Roles
from assay.core.audit.metrics.rows import MetricRow, Null, with_interval
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import Interval
from assay.core.stats.recall import located


def located_metrics(roles: Roles, strategy: Strategy, documents: Sequence[int]) -> list[MetricRow]:
    is_leaked = roles.is_trained
    n_documents, n_leaked, n_selected = len(is_leaked), int(is_leaked.sum()), len(documents)
    if n_leaked == 0 or n_selected == 0:
        return []
    chosen = list(documents)
    n_located = int(is_leaked[chosen].sum())
    found = located(n_documents, n_leaked, n_selected, n_located)
    exact, by_chance = "Clopper–Pearson interval, hypergeometric p-value", "random selection"
    lift_null = Interval(
        1.0,
        *(
            bound / (n_leaked / n_documents)
            for bound in (found.null_precision.low, found.null_precision.high)
        ),
    )
    rows = [
        with_interval(
            strategy,
            Metric.RECALL,
            found.recall,
            n_leaked,
            exact,
            Null(found.null_recall, by_chance),
            found.recall_ceiling,
            found.p_value,
        ),
        with_interval(
            strategy,
            Metric.PRECISION,
            found.precision,
            n_selected,
            exact,
            Null(found.null_precision, by_chance),
            min(1.0, n_leaked / n_selected),
            found.p_value,
        ),
        with_interval(
            strategy,
            Metric.LIFT,
            found.lift,
            n_selected,
            exact,
            Null(lift_null, by_chance),
            min(1.0, n_leaked / n_selected) * n_documents / n_leaked,
            found.p_value,
        ),
    ]
    n_held_out = int(roles.is_held_out.sum())
    n_in_domain = int(roles.is_inside[chosen].sum())
    if n_held_out == 0:
        return rows
    domain = located(n_documents, n_leaked + n_held_out, n_selected, n_in_domain)
    rows.append(
        with_interval(
            strategy,
            Metric.DOMAIN_PRECISION,
            domain.precision,
            n_selected,
            exact,
            Null(domain.null_precision, by_chance),
            p_value=domain.p_value,
        )
    )
    if n_in_domain:
        membership = located(n_leaked + n_held_out, n_leaked, n_in_domain, n_located)
        rows.append(
            with_interval(
                strategy,
                Metric.MEMBERSHIP_PRECISION,
                membership.precision,
                n_in_domain,
                exact,
                Null(membership.null_precision, "random selection within the domain"),
                p_value=membership.p_value,
            )
        )
    return rows
