"""The verdict says what its rows say, also when that is unwelcome."""

from __future__ import annotations

import pytest

from assay.core.findings.audit import audit_finding
from assay.core.findings.audit_tables import notes, strategy_table
from assay.core.findings.beside_random import few_draws_sentence
from assay.core.findings.finding import MetricTable
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, main_strategy


def row(subject, metric, value, low=None, high=None, **more):
    return {
        "subject": subject,
        "metric": metric,
        "value": value,
        "low": low,
        "high": high,
        "n": 100,
        "ceiling": 1.0,
        "null_value": 0.1,
        "p_value": None,
        **more,
    }


def lead(metric, subject, value):
    """A difference that is told from none from .06 on."""
    return row(subject, metric, value, p_value=1e-4 if abs(value) > 0.06 else 0.3, method="paired")


def students(select, random, top_k=0.3):
    return [
        row("select", Metric.ACCURACY, select, select - 0.03, select + 0.03),
        row("random", Metric.ACCURACY, random, random - 0.03, random + 0.03),
        row("top-k", Metric.ACCURACY, top_k, top_k - 0.03, top_k + 0.03),
        row("random-students", Metric.ACCURACY, random, random - 0.05, random + 0.05, n=5),
        lead(Metric.LEAD_OVER_RANDOM, "select", select - random),
        lead(Metric.STUDENT_LEAD, "top-k", top_k - select),
        row("final", Metric.ACCURACY, 0.9, 0.88, 0.92),
        row("select", Metric.COSINE, 0.7),
    ]


def located(p_recall, p_membership=None, recall=0.2):
    rows = [
        row("select", Metric.RECALL, recall, recall / 2, recall * 2, p_value=p_recall),
        row("select", Metric.LIFT, 10 * recall, 1, 4, p_value=p_recall),
    ]
    if p_membership is not None:
        rows.append(row("select", Metric.MEMBERSHIP_PRECISION, 0.5, 0.4, 0.6, p_value=p_membership))
    return rows


STRATEGIES = [Strategy.RANDOM, Strategy.TOP_K, Strategy.SELECT]


def said(rows):
    found = audit_finding(MetricTable(rows), STRATEGIES)
    return found.headline, " ".join(found.sentences)


def test_a_clear_win_is_said():
    """A student above random's interval and documents above chance make a positive headline."""
    headline, text = said(students(0.8, 0.6) + located(1e-6, p_membership=1e-6))
    assert headline == (
        "SELECT's selection works as a stand-in for the training data and is aligned with its "
        "individual documents."
    )
    assert (
        "80.0% accuracy (77.0–83.0), above the mean of 5 random selections' students, 60.0%" in text
    )
    assert (
        "(p < 0.001, threshold 0.05, paired); one more such student would lie in 55.0–65.0" in text
    )
    assert "better than chance (p < 0.001, lift 2.00)" in text


def test_losing_to_random_is_said():
    """When SELECT's student is below random's, headline and sentence say so."""
    headline, text = said(students(0.5, 0.6) + located(0.4))
    assert headline == "SELECT is worse than random selection here."
    assert "below the mean of 5 random selections' students, 60.0%" in text
    assert "The highest value is random's, 60.0%." in text
    assert "not significantly better than chance (p = 0.400, threshold 0.01, lift" in text


def test_locating_documents_does_not_hide_a_worse_student():
    """Documents found above chance do not keep a student below random's out of the headline."""
    headline, _ = said(students(0.5, 0.6) + located(1e-9, p_membership=1e-9))
    assert "aligned with documents of the reference set" in headline
    assert "worse student than random selection" in headline


@pytest.mark.parametrize(("top_k", "is_said"), [(0.9, True), (0.82, False)])
def test_losing_to_another_strategy_is_said(top_k, is_said):
    """A strategy whose interval lies above SELECT's is in the headline; an overlap is not."""
    headline, text = said(students(0.8, 0.6, top_k))
    assert ("top-k gives a better student" in headline) is is_said
    assert ("not distinguishable from SELECT's" in text) is not is_said
    assert "Holm's correction for 1 strategy" in text


def test_overlapping_intervals_are_no_win():
    """A higher point estimate inside the other's interval is not distinguishable."""
    headline, text = said(students(0.62, 0.6))
    assert headline == "SELECT is not distinguishable from random selection here."
    assert "not distinguishable from the mean of 5 random" in text


def test_domain_is_not_membership():
    """Finding the domain but not its members must not be headlined as finding documents."""
    headline, text = said(students(0.8, 0.6) + located(1e-9, p_membership=0.6))
    assert "does not locate its documents" in headline
    assert "does not distinguish training documents from held-out ones" in text


@pytest.mark.parametrize("random", [0.6, 0.8, None])
def test_without_held_out_documents_only_the_domain_is_claimed(random):
    """Recall far above chance says nothing beyond the domain where no held-out documents are known,
    whatever the students do, and the sentence on it says so; where they are, it goes further."""
    ran = students(0.8, random) if random else [row("select", Metric.COSINE, 0.7)]
    headline, text = said(ran + located(1e-30))
    assert "domain" in headline
    assert "documents" not in headline
    assert "a selection that only finds the domain would look the same" in text
    headline, text = said(ran + located(1e-30, p_membership=1e-30))
    assert "documents" in headline
    assert "only finds the domain" not in text


def test_a_recall_of_chance_needs_no_caveat():
    """Where no more than chance is found there is nothing that the domain could explain."""
    _, text = said(students(0.8, 0.6) + located(0.5))
    assert "only finds the domain" not in text


def test_membership_without_recall_is_no_finding():
    """Used documents told apart, but too few of them in all, are not headlined as found."""
    headline, text = said(students(0.8, 0.6) + located(0.013, p_membership=0.005))
    assert "does not locate its documents" in headline
    assert "not significantly better than chance (p = 0.013, threshold 0.01" in text


@pytest.mark.parametrize("rows", [students(0.8, 0.6), students(0.5, 0.6) + located(1e-9, 0.5)])
def test_never_claims_training(rows):
    """No wording says that a document was trained on."""
    headline, text = said(rows)
    claims = (headline + text).replace("A student trained on", "")
    assert "aligned with" in claims or "stand-in" in claims or "worse" in claims
    assert "trained on" not in claims


def test_without_students_nothing_is_claimed():
    """With a selection alone the headline says that nothing tells how good it is."""
    headline, _ = said([row("select", Metric.COSINE, 0.7)])
    assert headline == "SELECT selected 100 documents; their quality was not measured."


@pytest.mark.parametrize(
    ("transport", "words"), [(1.2, "nearer to"), (1.45, "no nearer to"), (1.6, "farther from")]
)
def test_without_students_the_distance_is_what_can_be_said(transport, words):
    """The headline is about the reference set where nothing better is known, and only there; the
    sentence stands in every verdict, with what random selections and true documents have."""
    null = {"null_low": 1.4, "null_high": 1.5, "ceiling": 1.1, "null_kind": "399 draws"}
    distance = row("select", Metric.TRANSPORT, transport, **null)
    headline, text = said([distance, row("select", Metric.COSINE, 0.7)])
    assert headline == (
        f"SELECT's selection is {words} the reference set than random selections are."
    )
    assert f"distance is {transport:.3f}, theirs 1.400 to 1.500 (95% of 399 draws)" in text
    headline, text = said([distance, *students(0.8, 0.6)])
    assert "reference set" not in headline
    assert words in text


def test_focus_is_select_where_it_ran():
    """The verdict is about SELECT, or about the last strategy of those that ran."""
    assert main_strategy(STRATEGIES) is Strategy.SELECT
    assert main_strategy([Strategy.RANDOM, Strategy.TOP_K]) is Strategy.TOP_K


def test_a_strategy_with_nothing_to_rank_by_is_no_strategy():
    """A random draw that came out best is neither named the best nor praised, and is said to be a
    draw; with scores that differ the same figures make it the best."""
    rows = students(0.5, 0.5, top_k=0.8)
    headline, text = said(rows)
    assert headline.endswith("top-k gives a better student.")
    drawn = [*rows, row("top-k", Metric.EQUAL_SCORES, 1.0)]
    headline, text = said(drawn)
    assert "top-k" not in headline
    assert "value is top-k" not in text
    assert "top-k had nothing to rank by: all documents have the same score" in text
    bounds = {"null_low": None, "null_high": None}
    table = strategy_table(MetricTable([{**one, **bounds} for one in drawn]), STRATEGIES)
    assert "top-k (a random draw)" in table["strategy"].tolist()
    assert "nothing to rank by" in notes(MetricTable(drawn), STRATEGIES)


def test_a_main_strategy_with_nothing_to_rank_by_claims_nothing():
    """However much it located, the headline says that it was a draw."""
    rows = students(0.8, 0.6) + located(1e-6, p_membership=1e-6)
    headline, _ = said([*rows, row("select", Metric.EQUAL_SCORES, 1.0)])
    assert headline == "SELECT has nothing to rank by here: what it selected is a random draw."


def test_one_random_student_tells_nothing():
    """Where by how much random students differ is not known, no win is claimed, however far the
    intervals lie apart."""
    rows = [own for own in students(0.8, 0.4, 0.95) if own["metric"] is Metric.ACCURACY][:3]
    headline, text = said([*rows, row("select", Metric.COSINE, 0.7)])
    assert headline == "SELECT is not distinguishable from random selection here."
    assert "it was not measured how much such students differ" in text


def test_few_random_draws_say_what_they_cannot_show():
    """A band of 39 draws is called as wide as all of them, with the p-value that it cannot go
    below; one of 399, or none, is not."""
    said = few_draws_sentence({"null_kind": "39 random selections"})
    assert "1 in 40" in said
    assert "under 0.05" in said
    assert few_draws_sentence({"null_kind": "399 random selections"}) == ""
    assert few_draws_sentence({"null_kind": "largest class"}) == ""
    assert few_draws_sentence(None) == ""
