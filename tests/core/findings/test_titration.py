"""What a titration's grid says in sentences: where a strategy loses, and only what was tested."""

from __future__ import annotations

import numpy as np
import pytest
from support.titration_rows import rows

from assay.core.findings.titration import titration_finding, titration_in_brief
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, leading_strategy, shown_as


def measured(recall, auc, blind_auc=0.5):
    """SELECT's recall and AUC beside random at 0.2 and P-min at 0.1."""
    shares = (0.5, 1.0)
    values = {("select", "recall", share): recall for share in shares}
    values |= {("random", "recall", share): [0.2, 0.21, 0.19][: len(recall)] for share in shares}
    values |= {("p-min", "recall", share): [0.1, 0.1, 0.1][: len(recall)] for share in shares}
    values |= {("select", "membership-auc", 1.0): [auc]}
    values |= {(BLIND, "membership-auc", 1.0): [blind_auc]}
    return rows(values)


def test_the_headline_says_when_select_loses():
    """Below random or P-min by more than draws vary, the headline names them; above, not."""
    lost = titration_finding(measured([0.12, 0.14, 0.13], 0.5), "select", 10).headline
    assert "fewer training documents than random (at 2 of 2 leaked shares)" in lost
    assert "P-min" not in lost
    assert "does not distinguish training documents" in lost
    won = titration_finding(measured([0.3, 0.4, 0.35], 0.5), "select", 10).headline
    assert "fewer" not in won
    assert "does not distinguish training documents from held-out" in won
    both = titration_finding(measured([0.01, 0.02, 0.01], 0.5), "select", 10).headline
    assert shown_as("random") in both
    assert shown_as("p-min") in both


@pytest.mark.parametrize("recall", [[0.1], [0.1, 0.12], [0.05, 0.38, 0.12]])
def test_what_draws_cannot_tell_is_no_headline(recall):
    """Lower on average, but in too few draws or by no more than they vary: what was seen is said,
    and that it was not tested or how likely it is."""
    found = titration_finding(measured(recall, 0.5), "select", 10)
    assert "fewer" not in found.headline
    said = found.sentences[-1]
    assert "mean recall is above that of random at 0 of 2" in said
    assert ("was not tested" in said) == (len(recall) < 3)
    assert ("p = " in said) == (len(recall) == 3)


def test_fewer_is_said_by_chance_in_one_audit_of_twenty_at_most():
    """Of strategies no worse than either control, a headline says "fewer" in 5% at most; by counts
    of shares alone, as before, far more often."""
    rng = np.random.default_rng(0)
    n_said = n_counted = 0
    for _ in range(400):
        values = {
            (name, "recall", share): rng.normal(0.2, 0.02, 3).tolist()
            for name in ("select", "random", "p-min")
            for share in (0.25, 0.5, 1.0)
        }
        found = titration_finding(rows(values), "select", 10)
        n_said += "fewer" in found.headline
        n_counted += any(
            2
            * sum(
                np.mean(values["select", "recall", s]) < np.mean(values[c, "recall", s])
                for s in (0.25, 0.5, 1.0)
            )
            > 3
            for c in ("random", "p-min")
        )
    assert n_said / 400 <= 0.05
    assert n_counted / 400 > 0.3


def test_membership_needs_more_than_text_alone():
    """An AUC above chance is called membership only where text alone has less than its interval."""
    clean = titration_finding(measured([0.3], 0.6), "select", 10)
    assert clean.headline.startswith("SELECT distinguishes training documents from held-out")
    unclean = titration_finding(measured([0.3], 0.6, blind_auc=0.65), "select", 10)
    assert "does not distinguish" in unclean.headline
    assert "0.650" in " ".join(unclean.sentences)
    assert titration_finding(measured([0.3], 0.6), "select", 99).sentences == ()


@pytest.mark.parametrize("is_told", [True, False])
@pytest.mark.parametrize("auc", [0.6, 0.5])
def test_beside_an_audits_own_evidence_a_titration_says_only_what_is_new(auc, is_told):
    """Headline and recall; the membership that the audit has found itself only where the two
    differ, with its correction and threshold; never the domain."""
    grid = measured([0.3, 0.31, 0.32], auc) + rows({("select", "domain-auc", 1.0): [0.9]})
    whole = titration_finding(grid, "select", 10)
    brief = titration_in_brief(grid, "select", 10, is_told)
    assert brief[0] == f"Titration: {whole.headline}"
    assert whole.sentences[-1] == brief[-1]
    assert "mean recall" in brief[-1]
    differs = is_told != (auc > 0.5)
    assert any(one.startswith("Membership, at") for one in brief) == differs
    assert any(one.startswith("Domain, at") for one in whole.sentences)
    assert not any(one.startswith("Domain, at") for one in brief)


@pytest.mark.parametrize(("n_strategies", "is_said"), [(1, True), (2, True), (40, False)])
def test_membership_in_a_titration_passes_the_threshold_of_the_whole_audit(n_strategies, is_said):
    """A titration distinguishes documents only under the threshold that every other page has,
    corrected for the strategies that were measured; the sentences say both, and the budget."""
    own = measured([0.3], 0.55)
    others = [f"other-{number}" for number in range(n_strategies - 1)]
    more = rows({(name, "membership-auc", 1.0): [0.5] for name in others})
    found = titration_finding([*own, *more], "select", 10)
    assert ("SELECT distinguishes" in found.headline) == is_said
    assert "at budget 10." in found.headline
    said = " ".join(found.sentences)
    assert "threshold 0.01" in said
    assert (f"corrected for {n_strategies} strategies (Holm)" in said) == (n_strategies > 1)


def test_an_interval_just_above_chance_is_no_evidence_in_a_titration():
    """An AUC whose 95% interval is barely above 0.5 has a p-value of 2%, over the threshold."""
    found = titration_finding(measured([0.3], 0.5315), "select", 10)
    assert "does not distinguish" in found.headline
    assert "0.531 (0.501–0.561; 0.5 is chance); p = 0.02" in " ".join(found.sentences)


def test_a_titration_of_equal_scores_says_so():
    """A strategy that had nothing to rank by is called a draw; its figures make no headline."""
    rows = [
        {
            "leaked_share": 1.0,
            "strategy": name,
            "budget": 20,
            "metric": metric,
            "value": value,
            "low": value,
            "high": value,
        }
        for name, metric, value in (
            ("select", Metric.RECALL, 0.5),
            ("p-min", Metric.RECALL, 0.9),
            ("p-min", Metric.EQUAL_SCORES, 1.0),
        )
    ]
    found = titration_finding(rows, "select", 20)
    assert "P-min had nothing to rank by: all documents have the same score" in found.sentences[0]
    drawn = titration_finding(rows, "p-min", 20)
    assert drawn.headline == (
        "P-min ranks no document above another: the selection is a random draw."
    )


def test_a_titration_is_about_the_strongest_evidence_that_ran():
    """Fixed beforehand: trained parts before SELECT, and SELECT before the others."""
    every = list(Strategy)
    assert leading_strategy(every) == Strategy.EMBEDDING_MATCH
    assert leading_strategy(one for one in every if "embedding" not in one) == "layer-match"
    assert leading_strategy(["top-k", "select", "random"]) == "select"
    assert leading_strategy(["random", "top-k"]) == "top-k"
