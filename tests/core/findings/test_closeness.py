"""How close public data is: students and distances, and what they may claim."""

from __future__ import annotations

import pytest
from support.evidence import STRATEGIES, distance, evidence, row, students

from assay.core.findings.answers.answer import Question, Standing
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.findings.audit_tables import notes, strategy_table
from assay.core.findings.beside_random import few_draws_sentence
from assay.core.findings.finding import MetricTable
from assay.core.specs.metrics import Metric


def answered(question, *rows, **more):
    return audit_answers(evidence(rows, **more)).to(question)


def close(*rows, **more):
    return answered(Question.CLOSE, *rows, **more)


def test_a_better_student_is_named_with_what_it_is_compared_with():
    """The answer has the budget, random selections' students and the final model; its certainty
    the interval, the correction and the threshold."""
    found = close(*students(top_k=(0.8, 1e-6), select=(0.61, 0.8), embedding_match=(0.7, 0.01)))
    assert found.headline == (
        "A student trained on the 100 documents that top-k selects reaches 80.0% accuracy; "
        "students of as many random documents reach 60.0%, the final model 90.0%."
    )
    assert "77.0–83.0" in found.certainty
    assert "corrected for 2 strategies (Holm), threshold 0.05" in found.certainty
    assert "SELECT's 100 documents reaches 61.0%" in found.failed[0]


def test_a_language_models_students_are_better_where_perplexity_is_lower():
    """A lower perplexity is a better student; a higher one is worse and said to be."""
    found = close(*students(Metric.PERPLEXITY, 20.0, select=(12.0, 1e-6), top_k=(30.0, 1e-6)))
    assert "that SELECT selects reaches 12.0" in found.headline
    assert "declared beforehand, not corrected" in found.certainty
    assert found.failed == (
        "Worse students than those of random documents (threshold 0.05): top-k (30.00).",
    )


def test_losing_to_random_is_said():
    """Where every student is worse than random's the answer is no, and each loser is named."""
    found = close(*students(top_k=(0.5, 1e-6), select=(0.5, 1e-6)))
    assert found.standing is Standing.NOT_FOUND
    assert "threshold 0.05" in found.certainty
    text = " ".join(found.failed)
    assert "below the mean of 5 random selections' students, 60.0%" in text
    assert (
        "Worse students than those of random documents (threshold 0.05): SELECT (50.0%) and top-k "
        "(50.0%)." in text
    )


def test_a_small_lead_among_many_is_no_lead():
    """The main strategy's own test is declared beforehand; another's must pass the correction."""
    others = {"top_k": (0.7, 0.03), "embedding_match": (0.61, 0.9)}
    assert close(*students(select=(0.61, 0.9), **others)).standing is Standing.NOT_FOUND
    assert close(*students(select=(0.7, 0.03))).standing is Standing.RELATIVE


def test_one_random_student_tells_nothing():
    """Where by how much random students differ is not known, no win is claimed."""
    rows = [one for one in students(select=(0.9, 1e-6)) if one["subject"] != "random-students"]
    found = close(*rows)
    assert found.standing is Standing.UNKNOWN
    assert "how much such students differ was not measured" in " ".join(found.failed)


@pytest.mark.parametrize(
    ("value", "p_value", "standing"),
    [(1.1, 0.005, Standing.RELATIVE), (1.25, 0.9, Standing.NOT_FOUND)],
)
def test_without_students_the_distance_answers(value, p_value, standing):
    """A selection nearer than random ones is an answer, with theirs and true documents' distance
    beside it; one that is no nearer is none."""
    cosine = row("select", Metric.COSINE, 0.5, n=160)
    found = close(cosine, distance("select", value, p_value))
    assert found.standing is standing
    assert ("closer in meaning" in found.headline) == (standing is Standing.RELATIVE)
    if standing is Standing.RELATIVE:
        assert "1.200 to 1.300, and as many training documents have 0.900" in found.certainty


@pytest.mark.parametrize(("value", "p_value"), [(1.199, 0.0533), (1.301, 0.0533), (1.25, 0.9)])
def test_a_distance_that_fails_its_test_is_not_called_nearer(value, p_value):
    """What is listed as tried without success is no nearer and no farther, also where it lies just
    outside the band; the sentence has the p-value and its threshold."""
    cosine = row("select", Metric.COSINE, 0.5, n=160)
    (said,) = close(cosine, distance("select", value, p_value)).failed
    assert "is no nearer to the reference set in meaning" in said
    assert "threshold 0.05." in said


def test_a_distance_that_is_surely_farther_is_called_that():
    """The main strategy's, with its p-value, and in the list of all that are farther."""
    cosine = row("select", Metric.COSINE, 0.5, n=160)
    said = " ".join(close(cosine, distance("select", 1.4, 0.003)).failed)
    assert "is farther from the reference set in meaning" in said
    assert "p = 0.003, threshold 0.05." in said
    assert "than random documents (threshold 0.05): SELECT." in said


def test_a_strategy_with_nothing_to_rank_by_is_no_strategy():
    """A random draw that came out best is not praised, and is said to be a draw; with scores that
    differ the same figures make it the best."""
    rows = students(top_k=(0.8, 1e-6), select=(0.6, 0.9))
    assert "top-k" in close(*rows).headline
    drawn = [*rows, row("top-k", Metric.EQUAL_SCORES, 1.0)]
    found = close(*drawn)
    assert not found.is_found
    assert "top-k had nothing to rank by: all documents have the same score" in found.failed[0]
    assert (
        "top-k (a random draw)"
        in strategy_table(MetricTable(drawn), STRATEGIES)["strategy"].tolist()
    )
    assert "nothing to rank by" in notes(MetricTable(drawn), STRATEGIES)


def test_few_random_draws_say_what_they_cannot_show():
    """A band of 39 draws is called as wide as all of them, with the p-value that it cannot go
    below; one of 599, or none, is not."""
    said = few_draws_sentence({"null_kind": "39 random selections"})
    assert "1 in 40" in said
    assert "under 0.05" in said
    assert few_draws_sentence({"null_kind": "599 random selections"}) == ""
    assert few_draws_sentence({"null_kind": "largest class"}) == ""
    assert few_draws_sentence(None) == ""
