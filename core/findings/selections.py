"""What selections are worth, in sentences made from the same rows as the audit's tables.

"Aligned with", never "was trained on": a selection is evidence of direction, not of membership.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from assay.core.findings.beside_random import apart_from_random
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import (
    capitalized,
    decimal,
    in_sentence,
    interval,
    number,
    p_value,
    percent,
    possessive,
)
from assay.core.specs.metrics import STUDENT_METRICS, Metric
from assay.core.specs.strategies import RANDOM_STUDENTS, Strategy
from assay.core.stats.intervals import CHANCE_OUTSIDE, SIGNIFICANCE, holm

_THRESHOLD = f", threshold {SIGNIFICANCE}"


def student_sentence(rows: MetricTable, strategy: Strategy, ran: list[Strategy]) -> str | None:
    """What the student reaches, beside random selections' and the best one's; None without one."""
    metric = student_metric(rows, strategy)
    if metric is None:
        return None
    row = rows.get(strategy, metric)
    assert row is not None
    sentence = (
        f"A student trained on {possessive(strategy.shown_as)} {budget_of(rows, strategy)} "
        f"documents reaches {_amount(metric, row)} ({student_range(metric, row)})"
    )
    random = rows.get(Strategy.RANDOM, metric)
    several, lead = rows.get(RANDOM_STUDENTS, metric), rows.get(strategy, Metric.LEAD_OVER_RANDOM)
    if several and lead:
        sentence += (
            f". This is {_side(metric, lead)} the mean of {several['n']} random selections' "
            f"students, {number(metric, several['value'])} ({_tested(lead)}). One more such "
            f"student would lie in {student_range(metric, several)}"
        )
    elif random and strategy is not Strategy.RANDOM:
        sentence += (
            f". The student of one random selection has {number(metric, random['value'])} "
            f"({student_range(metric, random)}); how much such students differ was not measured"
        )
    final = rows.get("final", metric)
    if final and metric is not Metric.AGREEMENT:
        sentence += f". The final model reaches {number(metric, final['value'])}"
    best = rows.best(ran, metric)
    if best and best is not strategy:
        leader = rows.get(best, metric)
        assert leader is not None
        lead = rows.get(best, Metric.STUDENT_LEAD)
        end = "lowest" if metric.info.is_lower_better else "highest"
        sentence += (
            f". The {end} value is {possessive(best.shown_as)}, {number(metric, leader['value'])}"
        )
        if best is not Strategy.RANDOM and lead:
            is_better = best in _clearly_better(rows, strategy, ran)
            n = len(_leads(rows, strategy, ran))
            sentence += (
                f", {'better than' if is_better else 'not distinguishable from'} "
                f"{possessive(strategy.shown_as)} (p {'≤' if is_better else '>'} {CHANCE_OUTSIDE}, "
                f"Holm's correction for {n} {'strategies' if n > 1 else 'strategy'})"
            )
    return sentence + "."


def located_sentence(rows: MetricTable, strategy: Strategy) -> str | None:
    """How many reference documents the selection contains; None where that cannot be known."""
    row, lift = rows.get(strategy, Metric.RECALL), rows.get(strategy, Metric.LIFT)
    if row is None or lift is None:
        return None
    n_located = round(row["value"] * row["n"])
    is_better = row["p_value"] < SIGNIFICANCE
    chance = "better than chance" if is_better else "not significantly better than chance"
    beyond = "."
    if row["p_value"] < SIGNIFICANCE and rows.get(strategy, Metric.MEMBERSHIP_PRECISION) is None:
        beyond = (
            ". There are no held-out documents to compare with, so a selection that only finds the "
            "domain would look the same."
        )
    return (
        f"{_selection(strategy)} of {budget_of(rows, strategy)} documents contains {n_located:,} "
        f"of the {row['n']:,} reference documents in the seed corpus. "
        f"Recall is {in_sentence(row, percent)}; at most {percent(row['ceiling'])} is possible, "
        f"and random selection has {percent(row['null_value'])}. "
        f"This is {chance} ({p_value(row['p_value'])}{'' if is_better else _THRESHOLD}, lift "
        f"{number(Metric.LIFT, lift['value'])})"
        f"{beyond}"
    )


def members_sentence(rows: MetricTable, strategy: Strategy) -> str | None:
    """Whether the selection prefers training documents to held-out ones; None without those."""
    row = rows.get(strategy, Metric.MEMBERSHIP_PRECISION)
    if row is None:
        return None
    verb = "distinguishes" if row["p_value"] < SIGNIFICANCE else "does not distinguish"
    return (
        f"Within the reference set's domain, {possessive(strategy.shown_as)} selection of "
        f"{budget_of(rows, strategy)} documents {verb} training documents from held-out ones: "
        f"{percent(row['value'])} of the {row['n']:,} that it selected there are training "
        "documents; "
        f"chance gives {percent(row['null_value'])} ({p_value(row['p_value'])}"
        f"{'' if row['p_value'] < SIGNIFICANCE else _THRESHOLD})."
    )


def _nearness(rows: MetricTable, strategy: Strategy) -> str | None:
    """How a selection's transport to the reference set compares with that of random selections."""
    row = rows.get(strategy, Metric.TRANSPORT)
    if row is None or strategy is Strategy.RANDOM:
        return None
    if strategy not in apart_from_random(rows, [strategy], Metric.TRANSPORT):
        return "no nearer to"
    return "nearer to" if row["value"] < row["null_value"] else "farther from"


def distance_sentence(rows: MetricTable, strategy: Strategy) -> str | None:
    """How far the selection is from the reference set, beside random ones; None if not measured."""
    row, nearness = rows.get(strategy, Metric.TRANSPORT), _nearness(rows, strategy)
    if row is None or nearness is None:
        return None
    return (
        f"{_selection(strategy)} is {nearness} the reference set in meaning than random selections "
        f"are: its transport distance is {decimal(row['value'])}; 95% of {row['null_kind']} have "
        f"{decimal(row['null_low'])} to {decimal(row['null_high'])}, and as many reference "
        f"documents have {decimal(row['ceiling'])}"
        + ("." if pd.isna(row.get("p_value")) else f"; {_tested_alone(row)}.")
    )


def _tested_alone(row: Row) -> str:
    return f"{p_value(row['p_value'])}, threshold {CHANCE_OUTSIDE}"


def _leads(rows: MetricTable, strategy: Strategy, ran: list[Strategy]) -> dict[Strategy, Row]:
    """The leads of all other strategies' students over this one's, if they were compared."""
    found = {one: rows.get(one, Metric.STUDENT_LEAD) for one in ran if one is not strategy}
    return {one: row for one, row in found.items() if row}


def _clearly_better(rows: MetricTable, strategy: Strategy, ran: list[Strategy]) -> list[Strategy]:
    """Strategies with better students at p ≤ .05 (Holm, all comparisons); the best first."""
    leads = _leads(rows, strategy, ran)
    corrected = holm([row["p_value"] for row in leads.values()])
    better = [
        one
        for (one, row), p in zip(leads.items(), corrected, strict=True)
        if p <= CHANCE_OUTSIDE and row["value"] > 0
    ]
    return sorted(better, key=lambda one: -leads[one]["value"])


def student_metric(rows: MetricTable, strategy: Strategy) -> Metric | None:
    """The best available measure of how good a strategy's student is."""
    return next((metric for metric in STUDENT_METRICS if rows.get(strategy, metric)), None)


def _side(metric: Metric, lead: Row) -> str:
    if lead["p_value"] > CHANCE_OUTSIDE:
        return "not distinguishable from"
    return "above" if (lead["value"] > 0) != metric.info.is_lower_better else "below"


def _tested(lead: Row) -> str:
    return f"{p_value(lead['p_value'])}, threshold {CHANCE_OUTSIDE}, {lead['method']}"


def _amount(metric: Metric, row: Row) -> str:
    """A student's performance in words."""
    value = number(metric, row["value"])
    if metric is Metric.PERPLEXITY:
        return f"a perplexity of {value}"
    return (
        f"{value} {'accuracy' if metric is Metric.ACCURACY else 'agreement with the final model'}"
    )


def _selection(strategy: Strategy) -> str:
    """At the beginning of a sentence: SELECT's selection."""
    return f"{capitalized(possessive(strategy.shown_as))} selection"


def student_range(metric: Metric, row: Row) -> str:
    """The interval of a student's merit, in words."""
    if row["low"] is None or row["low"] != row["low"]:
        return "too few documents for an interval"
    return interval(row["low"], row["high"], partial(number, metric))


def budget_of(rows: MetricTable, strategy: Strategy) -> str:
    """How many documents the strategy selected, in words."""
    row = rows.get(strategy, Metric.COSINE)
    return f"{row['n']:,}" if row else "selected"
