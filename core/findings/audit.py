"""The finding of an audit: sentences made from the same rows as its tables.

"Aligned with", never "was trained on": a selection is evidence of direction, not of membership.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from assay.core.findings.embeddings import embedding_finding
from assay.core.findings.equal_scores import drawn_among, drawn_sentence
from assay.core.findings.finding import Finding, MetricTable, Row
from assay.core.findings.formatting import (
    decimal,
    in_sentence,
    interval,
    number,
    p_value,
    percent,
    possessive,
)
from assay.core.findings.membership import membership_finding
from assay.core.specs.metrics import STUDENT_METRICS, Metric
from assay.core.specs.strategies import RANDOM_STUDENTS, Strategy, main_strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.intervals import CHANCE_OUTSIDE, SIGNIFICANCE, holm

_THRESHOLD = f", threshold {SIGNIFICANCE}"
_BETTER, _WORSE, _ALIKE = "better", "worse", "not distinguishable"


def audit_finding(
    rows: MetricTable,
    strategies: Iterable[Strategy],
    vocabulary: VocabularyFacts | None = None,
) -> Finding:
    """The finding of an audit; it leads with what input embeddings find or exclude.

    ``vocabulary``: what they show about tokens; None if that was not computed.
    """
    ran = list(strategies)
    drawn = drawn_among(rows, ran)
    strategy = main_strategy(ran)
    # A random draw's luck is not a strategy's merit.
    ran = [one for one in ran if one == strategy or one not in drawn]
    student = _student(rows, strategy, ran)
    found = _located(rows, strategy)
    is_located = _is_more_than_chance(rows, strategy)
    # Without held-out documents, finding the domain looks the same as finding the documents.
    is_domain_only = rows.get(strategy, Metric.MEMBERSHIP_PRECISION) is None
    beside_random = _beside_random(rows, strategy)
    is_useful = None if beside_random is None else beside_random == _BETTER
    name = strategy.shown_as
    whose = possessive(name[:1].upper() + name[1:])
    if strategy in drawn:
        headline = f"{name} has nothing to rank by here: what it selected is a random draw."
    elif is_located:
        aligned = "the domain of" if is_domain_only else "documents of"
        headline = f"{whose} selection is aligned with {aligned} the reference set."
        if is_useful:
            headline = (
                f"{whose} selection works as a stand-in for the training data and is aligned with "
                f"{'its domain' if is_domain_only else 'its individual documents'}."
            )
        if beside_random == _WORSE:
            headline = f"{headline[:-1]}, but gives a worse student than random selection."
    elif is_useful and found:
        headline = (
            f"{whose} selection works as a stand-in for the training data, but does not locate "
            "its documents."
        )
    elif is_useful:
        headline = f"{whose} selection works as a stand-in for the training data."
    elif is_useful is None and found:
        headline = f"{whose} selection does not locate documents of the reference set."
    elif is_useful is None and (nearness := _nearness(rows, strategy)):
        headline = f"{whose} selection is {nearness} the reference set than random selections are."
    elif is_useful is None:
        headline = (
            f"{name} selected {_budget(rows, strategy)} documents; their quality was not measured."
        )
    elif beside_random == _WORSE:
        headline = f"{name} is worse than random selection here."
    else:
        headline = f"{name} is not distinguishable from random selection here."
    if (all_better := _clearly_better(rows, strategy, ran)) and beside_random != _WORSE:
        better = all_better[0]
        who = f"Selection by {better.shown_as}" if better is Strategy.EMBEDDING_MATCH else ""
        headline += f" {who or better.shown_as} gives a better student."
    rivals = membership_finding(rows.all(), strategy)
    if rivals:
        headline += f" {rivals.headline}"
    strongest = embedding_finding(rows, vocabulary)
    if strongest:
        headline = f"{strongest.headline} {headline}"
    sentences = (
        *(strongest.sentences if strongest else ()),
        drawn_sentence(drawn),
        student,
        found,
        _membership(rows, strategy),
        _distance(rows, strategy),
        rivals and rivals.sentence,
    )
    return Finding(headline, tuple(sentence for sentence in sentences if sentence))


def _student(rows: MetricTable, strategy: Strategy, ran: list[Strategy]) -> str | None:
    metric = student_metric(rows, strategy)
    if metric is None:
        return None
    row = rows.get(strategy, metric)
    assert row is not None
    sentence = (
        f"A student trained on {possessive(strategy.shown_as)} {_budget(rows, strategy)} documents "
        f"reaches "
        f"{_amount(metric, row)} ({_range(metric, row)})"
    )
    random = rows.get(Strategy.RANDOM, metric)
    several, lead = rows.get(RANDOM_STUDENTS, metric), rows.get(strategy, Metric.LEAD_OVER_RANDOM)
    if several and lead:
        sentence += (
            f", {_side(metric, lead)} the mean of {several['n']} random selections' students, "
            f"{number(metric, several['value'])} ({_tested(lead)}); one more such student would "
            f"lie in {_range(metric, several)}"
        )
    elif random and strategy is not Strategy.RANDOM:
        sentence += (
            f"; the student of one random selection has {number(metric, random['value'])} "
            f"({_range(metric, random)}); it was not measured how much such students differ"
        )
    final = rows.get("final", metric)
    if final and metric is not Metric.AGREEMENT:
        sentence += f"; the final model reaches {number(metric, final['value'])}"
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


def _located(rows: MetricTable, strategy: Strategy) -> str | None:
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
        f"{_selection(strategy)} contains {n_located:,} of the {row['n']:,} reference documents "
        "in the seed corpus. "
        f"Recall is {in_sentence(row, percent)}; at most {percent(row['ceiling'])} is possible, "
        f"and random selection has {percent(row['null_value'])}. "
        f"This is {chance} ({p_value(row['p_value'])}{'' if is_better else _THRESHOLD}, lift "
        f"{number(Metric.LIFT, lift['value'])})"
        f"{beyond}"
    )


def _membership(rows: MetricTable, strategy: Strategy) -> str | None:
    row = rows.get(strategy, Metric.MEMBERSHIP_PRECISION)
    if row is None:
        return None
    verb = "distinguishes" if row["p_value"] < SIGNIFICANCE else "does not distinguish"
    return (
        f"Within the reference set's domain, {strategy.shown_as} {verb} training documents from "
        "held-out ones: "
        f"{percent(row['value'])} of the documents it selected there are training documents; "
        f"chance gives {percent(row['null_value'])} ({p_value(row['p_value'])}"
        f"{'' if row['p_value'] < SIGNIFICANCE else _THRESHOLD})."
    )


def _nearness(rows: MetricTable, strategy: Strategy) -> str | None:
    """How a selection's transport to the reference set compares with that of random selections."""
    row = rows.get(strategy, Metric.TRANSPORT)
    if row is None or strategy is Strategy.RANDOM:
        return None
    if row["value"] < row["null_low"]:
        return "nearer to"
    return "farther from" if row["value"] > row["null_high"] else "no nearer to"


def _distance(rows: MetricTable, strategy: Strategy) -> str | None:
    row, nearness = rows.get(strategy, Metric.TRANSPORT), _nearness(rows, strategy)
    if row is None or nearness is None:
        return None
    return (
        f"{_selection(strategy)} is {nearness} the reference set in meaning than random selections "
        f"are: its transport distance is {decimal(row['value'])}, theirs "
        f"{decimal(row['null_low'])} to {decimal(row['null_high'])} (95% of "
        f"{row['null_kind']}), and that of as many reference documents {decimal(row['ceiling'])}."
    )


def _is_more_than_chance(rows: MetricTable, strategy: Strategy) -> bool:
    """Whether all sentences on located documents say "more than chance", not only one."""
    metrics = (Metric.RECALL, Metric.MEMBERSHIP_PRECISION)
    known = [row for metric in metrics if (row := rows.get(strategy, metric))]
    return bool(known) and all(row["p_value"] < SIGNIFICANCE for row in known)


def _beside_random(rows: MetricTable, strategy: Strategy) -> str | None:
    """The main comparison, declared beforehand and so not corrected: better or worse at p ≤ .05.

    Otherwise not distinguishable; None if no random selection's student was trained.
    """
    metric = student_metric(rows, strategy)
    if metric is None or strategy is Strategy.RANDOM or not rows.get(Strategy.RANDOM, metric):
        return None
    lead = rows.get(strategy, Metric.LEAD_OVER_RANDOM)
    if lead is None or lead["p_value"] > CHANCE_OUTSIDE:
        return _ALIKE
    return _BETTER if lead["value"] > 0 else _WORSE


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
    name = possessive(strategy.shown_as)
    return f"{name[:1].upper()}{name[1:]} selection"


def _range(metric: Metric, row: Row) -> str:
    if row["low"] is None or row["low"] != row["low"]:
        return "too few documents for an interval"
    return interval(row["low"], row["high"], partial(number, metric))


def _budget(rows: MetricTable, strategy: Strategy) -> str:
    row = rows.get(strategy, Metric.COSINE)
    return f"{row['n']:,}" if row else "selected"
