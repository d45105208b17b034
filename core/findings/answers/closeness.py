"""How close selections of public documents come to the training data: by students, by transport."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from assay.core.findings.answers.answer import Answer, Question, Standing
from assay.core.findings.beside_random import apart_from_random
from assay.core.findings.equal_scores import drawn_among, drawn_sentence
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import (
    capitalized,
    decimal,
    listed,
    number,
    p_value,
    possessive,
    verb,
)
from assay.core.findings.selections import (
    budget_of,
    distance_sentence,
    student_metric,
    student_range,
    student_sentence,
)
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import RANDOM_STUDENTS, Strategy, main_strategy
from assay.core.stats.intervals import CHANCE_OUTSIDE, holm


def close(rows: MetricTable, strategies: Iterable[Strategy]) -> Answer:
    """Of all strategies that ran, those whose students or selections are closer than random ones.

    The main strategy's comparison was declared beforehand; all others are corrected together.
    """
    ran = list(strategies)
    main, drawn = main_strategy(ran), drawn_among(rows, ran)
    # A random draw's luck is no strategy's merit.
    judged: list[Strategy] = [one for one in ran if one not in drawn and one is not Strategy.RANDOM]
    metric = next((m for one in judged if (m := student_metric(rows, one))), None)
    leads = _leads(rows, judged, metric)
    better, worse = _apart_students(leads, main)
    nearer, farther = _apart_distances(rows, judged)
    tried = _failed(rows, judged, main, better, worse, nearer, farther, metric)
    failed = tuple(one for one in (drawn_sentence(drawn), *tried) if one)
    if metric and better:
        headline, certainty = _student_answer(rows, metric, better, leads, main)
        more = _distance_answer(rows, judged, nearer, main) if nearer else ()
        return Answer(
            Question.CLOSE,
            headline,
            certainty,
            Standing.RELATIVE,
            measured=metric,
            selected_by=better[0],
            sentences=more,
            failed=failed,
        )
    if nearer:
        headline, certainty = _distance_answer(rows, judged, nearer, main)
        return Answer(
            Question.CLOSE,
            headline,
            certainty,
            Standing.RELATIVE,
            measured=Metric.TRANSPORT,
            selected_by=nearer[0],
            failed=failed,
        )
    has_distance = any(rows.get(one, Metric.TRANSPORT) for one in judged)
    if leads or has_distance:
        what = " and ".join(
            [*(["their students"] if leads else []), *(["their distance"] if has_distance else [])]
        )
        return Answer(
            Question.CLOSE,
            f"No closer than random documents, by any of {len(judged)} strategies that each "
            f"selected {budget_of(rows, main)} documents."
            if len(judged) > 1
            else f"No closer than random documents: {possessive(main.shown_as)} "
            f"{budget_of(rows, main)} documents are no better.",
            f"Judged by {what}; threshold {CHANCE_OUTSIDE}, {_correction(len(judged))}",
            Standing.NOT_FOUND,
            failed=failed,
        )
    return Answer(
        Question.CLOSE,
        "Not tested: "
        + (
            "how much students of random selections differ was not measured, so no student can be "
            "called better."
            if metric
            else f"{main.shown_as} selected {budget_of(rows, main)} documents, and their quality "
            "was not measured."
        ),
        "Several students of random selections show by how much chance makes students differ."
        if metric
        else "A test needs students trained on the selections, or the training documents.",
        Standing.UNKNOWN,
        failed=failed,
    )


def _leads(rows: MetricTable, judged: list[Strategy], metric: Metric | None) -> dict[Strategy, Row]:
    if metric is None or not rows.get(RANDOM_STUDENTS, metric):
        return {}
    found = {one: rows.get(one, Metric.LEAD_OVER_RANDOM) for one in judged}
    return {one: row for one, row in found.items() if row and rows.get(one, metric)}


def _apart_students(
    leads: dict[Strategy, Row], main: Strategy
) -> tuple[list[Strategy], list[Strategy]]:
    """Better and worse than students of random selections, the farthest first. A lead is positive
    where the student is better, whichever way its metric counts."""
    corrected = _corrected(leads, main)
    apart = [one for one, p in corrected.items() if p <= CHANCE_OUTSIDE]
    by_lead = sorted(apart, key=lambda one: -leads[one]["value"])
    better = [one for one in by_lead if leads[one]["value"] > 0]
    return better, [one for one in reversed(by_lead) if one not in better]


def _corrected(leads: dict[Strategy, Row], main: Strategy) -> dict[Strategy, float]:
    """The main strategy's p-value as it is, since it was declared; all others' corrected (Holm)."""
    others = [one for one in leads if one is not main]
    corrected = dict(zip(others, holm([leads[o]["p_value"] for o in others]), strict=True))
    if main in leads:
        corrected[main] = leads[main]["p_value"]
    return corrected


def _apart_distances(
    rows: MetricTable, judged: list[Strategy]
) -> tuple[list[Strategy], list[Strategy]]:
    found = {one: row for one in judged if (row := rows.get(one, Metric.TRANSPORT))}
    apart = apart_from_random(rows, found, Metric.TRANSPORT)
    by_distance = sorted(apart, key=lambda one: found[one]["value"])
    nearer = [one for one in by_distance if found[one]["value"] < found[one]["null_value"]]
    return nearer, [one for one in by_distance if one not in nearer]


def _student_answer(
    rows: MetricTable,
    metric: Metric,
    better: list[Strategy],
    leads: dict[Strategy, Row],
    main: Strategy,
) -> tuple[str, str]:
    best = better[0]
    own, random = rows.get(best, metric), rows.get(RANDOM_STUDENTS, metric)
    assert own is not None
    assert random is not None
    what = metric.info.title.lower().removeprefix("student ")
    final = rows.get("final", metric) if metric is not Metric.AGREEMENT else None
    headline = (
        f"A student trained on the {budget_of(rows, best)} documents that {best.shown_as} "
        f"{verb(best.shown_as, 'select')} reaches {number(metric, own['value'])} {what}; students "
        f"of as many random documents reach {number(metric, random['value'])}"
        + (f", the final model {number(metric, final['value'])}." if final else ".")
    )
    p = _corrected(leads, main)[best]
    certainty = (
        f"{capitalized(student_range(metric, own))} for this "
        f"student; one more of {random['n']} random students would lie in "
        f"{student_range(metric, random)}; {_tested(p, best, main, len(leads))}"
    )
    return headline, certainty


def _distance_answer(
    rows: MetricTable, judged: list[Strategy], nearer: list[Strategy], main: Strategy
) -> tuple[str, str]:
    best = nearer[0]
    found = {one: row for one in judged if (row := rows.get(one, Metric.TRANSPORT))}
    row = found[best]
    headline = (
        f"The {budget_of(rows, best)} documents that {best.shown_as} "
        f"{verb(best.shown_as, 'select')} are closer in meaning to the training documents "
        "than random ones are."
    )
    certainty = (
        f"Their transport distance is {decimal(row['value'])} (lower is closer); 95% of "
        f"{row['null_kind']} have {decimal(row['null_low'])} to {decimal(row['null_high'])}, and "
        f"as many training documents have {decimal(row['ceiling'])}"
    )
    # An audit of an earlier version has bands and no p-values.
    if all(pd.notna(one.get("p_value")) for one in found.values()):
        certainty += f"; {_tested(_corrected(found, main)[best], best, main, len(found))}"
    certainty = f"{certainty.removesuffix('.')}."
    others = [one.shown_as for one in nearer[1:]]
    if others:
        certainty += f" The selections of {listed(others)} are closer than random ones, too."
    return headline, certainty


def _tested(p: float, best: Strategy, main: Strategy, n_compared: int) -> str:
    """A p-value with what it is corrected for, and its threshold."""
    if best is main or n_compared < 3:
        how = "declared beforehand, not corrected" if best is main else "one comparison"
    else:
        how = f"corrected for {n_compared - 1} strategies (Holm)"
    return f"{p_value(p)}, {how}, threshold {CHANCE_OUTSIDE}."


def _correction(n: int) -> str:
    return (
        f"the main strategy's comparison declared beforehand, the {n - 1} others corrected "
        "together (Holm)."
        if n > 1
        else "declared beforehand."
    )


def _failed(
    rows: MetricTable,
    judged: list[Strategy],
    main: Strategy,
    better: list[Strategy],
    worse: list[Strategy],
    nearer: list[Strategy],
    farther: list[Strategy],
    metric: Metric | None,
) -> list[str | None]:
    """The main strategy's own sentences where it failed, and the strategies that do harm."""
    said: list[str | None] = []
    if main in judged and main not in better:
        said.append(student_sentence(rows, main, judged))
    if main in judged and main not in nearer:
        said.append(distance_sentence(rows, main))
    if worse and metric:
        values = [
            f"{one.shown_as} ({number(metric, row['value'])})"
            for one in worse
            if (row := rows.get(one, metric))
        ]
        said.append(
            f"Worse students than those of random documents (threshold {CHANCE_OUTSIDE}): "
            f"{listed(values)}."
        )
    if farther:
        said.append(
            f"Farther from the training documents than random documents (threshold "
            f"{CHANCE_OUTSIDE}): "
            f"{listed([one.shown_as for one in farther])}."
        )
    if metric and not better and rows.get(RANDOM_STUDENTS, metric):
        said.append(
            "No strategy's student is significantly better than students of random documents "
            f"(threshold {CHANCE_OUTSIDE})."
        )
    return said
