"""The contest between rankings says who won, also when that is not SELECT or nobody."""

from __future__ import annotations

from assay.core.findings.membership import membership_finding
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Baseline, Strategy


def rows(**aucs):
    """Membership AUCs with intervals of ±0.03 and p-values to match; leads over SELECT."""
    found = []
    for name, value in aucs.items():
        subject = name.replace("_", "-")
        found.append(
            {
                "subject": subject,
                "metric": Metric.MEMBERSHIP_AUC,
                "value": value,
                "low": value - 0.03,
                "high": value + 0.03,
                "p_value": 1e-6 if value > 0.54 else 0.4,
            }
        )
        if subject != Strategy.SELECT:
            lead = value - aucs.get("select", 0.5)
            found.append(
                {
                    "subject": subject,
                    "metric": Metric.MEMBERSHIP_LEAD,
                    "value": lead,
                    "p_value": 1e-6 if abs(lead) > 0.05 else 0.3,
                }
            )
    return found


def test_the_winner_is_named_and_so_is_its_lead():
    """A baseline clearly above SELECT wins the headline, and SELECT's own AUC stands beside it."""
    found = membership_finding(
        rows(select=0.55, loss_ratio=0.7, random=0.5, blind=0.5), Strategy.SELECT
    )
    assert found.winner == Baseline.LOSS_RATIO
    assert found.headline == (
        "Of 2 rankings, the one by loss ratio best distinguishes training documents from held-out "
        "ones."
    )
    assert "SELECT has 0.550" in found.sentence
    assert "text alone" in found.sentence


def test_a_narrow_win_is_called_narrow():
    """A lead that its paired p-value does not carry is not called clear."""
    found = membership_finding(rows(select=0.6, loss_ratio=0.62, blind=0.5), Strategy.SELECT)
    assert found.headline.endswith("ones, but not clearly better than SELECT.")
    assert found.is_clear is False


def test_select_may_win():
    """SELECT is a rival like the others."""
    found = membership_finding(rows(select=0.7, loss_ratio=0.6, blind=0.5), Strategy.SELECT)
    assert found.headline == (
        "Of 2 rankings, the one by SELECT best distinguishes training documents from held-out ones."
    )


def test_nobody_wins_at_chance_or_below_text_alone():
    """The best of many at chance is no winner, nor is one that words alone explain."""
    for blind in (0.5, 0.8):
        low = rows(select=0.51, loss_ratio=0.53 if blind == 0.5 else 0.75, blind=blind)
        found = membership_finding(low, Strategy.SELECT)
        assert found.is_found is False
        assert (
            found.headline
            == "None of 2 rankings distinguishes training documents from held-out ones."
        )
        assert "highest" not in found.sentence
        assert ("than chance" if blind == 0.5 else "than text alone") in found.sentence


def test_random_and_text_alone_cannot_win():
    """Random selection knows nothing and text alone is told members: neither is a rival."""
    found = membership_finding(rows(select=0.5, random=0.9, blind=0.95), Strategy.SELECT)
    assert found.winner == Strategy.SELECT
    assert membership_finding(rows(random=0.9, blind=0.9), Strategy.SELECT) is None


def test_a_ranking_of_equal_scores_cannot_win():
    """A ranking that has nothing to rank by is not counted, whatever AUC its draw has."""
    known = rows(select=0.55, p_min=0.7, blind=0.5)
    assert membership_finding(known, Strategy.SELECT).winner == Strategy.P_MIN
    known.append({"subject": Strategy.P_MIN, "metric": Metric.EQUAL_SCORES, "value": 1.0})
    assert membership_finding(known, Strategy.SELECT).winner == Strategy.SELECT


def test_one_ranking_is_not_counted():
    """Where nothing else was ranked, the headline has no number of rankings."""
    alone = membership_finding(rows(select=0.51, blind=0.5), Strategy.SELECT)
    assert alone.headline.startswith("The ranking does not distinguish training documents")
    assert "the ranking does no better than chance" in alone.sentence
    good = membership_finding(rows(select=0.7, blind=0.5), Strategy.SELECT)
    assert good.headline.startswith("The ranking by SELECT distinguishes training documents")
    assert "the ranking by SELECT has an AUC of 0.700" in good.sentence
    two = membership_finding(rows(select=0.51, loss_ratio=0.52, blind=0.5), Strategy.SELECT)
    assert two.headline.startswith("None of 2 rankings distinguishes")
