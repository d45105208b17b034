"""Statistics that compare two audits: they err as often as they say, and find what is there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from support.student_world import ONES, N, world

from assay.core.stats.auc import difference
from assay.core.stats.intervals import CHANCE_OUTSIDE
from assay.core.stats.paired_shares import paired_shares
from assay.core.stats.selection_overlap import overlap
from assay.core.stats.student_leads import StudentsOfRandom


def test_independent_selections_overlap_as_by_chance():
    """Of independent random selections at least 95% overlap within the range by chance, and at most
    5% have p ≤ .05; the expected number is their mean."""
    rng = np.random.default_rng(0)
    inside, called, found = [], [], []
    for _ in range(2000):
        first, second = (set(rng.permutation(400)[:n].tolist()) for n in (60, 40))
        one = overlap(400, 60, 40, len(first & second))
        inside.append(one.by_chance.low <= one.n_both <= one.by_chance.high)
        called.append(one.p_value <= CHANCE_OUTSIDE)
        found.append(one.n_both)
    assert np.mean(inside) >= 0.94
    assert np.mean(called) <= 0.06
    assert np.mean(found) == pytest.approx(one.by_chance.value, abs=0.2)


def test_equal_selections_overlap_in_all_documents():
    """The same selection twice is far beyond chance, and so are two that avoid each other."""
    assert overlap(400, 60, 60, 60).p_value < 1e-12
    assert overlap(100, 50, 50, 0).p_value < 1e-12
    # The whole pool can only be selected in one way.
    assert overlap(50, 50, 50, 50).p_value == 1


@pytest.mark.parametrize("counts", [(10, 11, 5, 3), (10, 0, 5, 0), (10, 8, 8, 5), (10, 4, 4, 5)])
def test_impossible_overlaps_are_refused(counts):
    """Selections larger than their pool, empty ones, and overlaps that cannot be."""
    with pytest.raises(ValueError, match=r"select|common"):
        overlap(*counts)


@pytest.mark.parametrize(
    ("n", "shares"), [(40, (0.3, 0.3)), (120, (0.5, 0.35)), (120, (0.1, 0.05))]
)
def test_the_interval_of_paired_shares_covers(n, shares):
    """The difference of two dependent shares is inside its interval in about 95% of samples, and
    equal shares are called different in at most 5%."""
    rng = np.random.default_rng(n)
    held, called = [], []
    for _ in range(1500):
        # One hidden trait per document makes the two depend on each other.
        trait = rng.normal(size=(1, n))
        levels = (0.7**0.5) * trait + (0.3**0.5) * rng.normal(size=(2, n))
        first, second = levels < norm.ppf(np.array(shares))[:, None]
        one = paired_shares(first, second)
        held.append(one.difference.low <= shares[0] - shares[1] <= one.difference.high)
        called.append(one.p_value <= CHANCE_OUTSIDE)
    print(np.mean(held), np.mean(called))
    assert 0.93 <= np.mean(held) <= 0.985
    if shares[0] == shares[1]:
        assert np.mean(called) <= 0.06


def test_pairing_finds_what_two_intervals_would_miss():
    """Documents that one finds besides all that the other finds make a difference, however many
    both find; the same documents make none, in either direction."""
    first, second = np.arange(100) < 50, np.arange(100) < 40
    assert paired_shares(first, second).p_value == pytest.approx(2 * 0.5**10)
    assert paired_shares(first, second).difference.low > 0
    assert paired_shares(first, first).p_value == 1
    assert paired_shares(second, first).difference.value == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="paired"):
        paired_shares(first, second[:50])


def test_the_interval_of_two_audits_aucs_covers():
    """DeLong's paired interval of the difference holds the true one in about 95% of samples of the
    same documents scored by two audits, and is narrower than unpaired intervals together."""
    rng = np.random.default_rng(1)
    true = norm.cdf(0.6 / 2**0.5) - norm.cdf(0.3 / 2**0.5)
    held, widths = [], []
    for _ in range(400):
        hard = rng.normal(size=300)
        is_trained = np.arange(300) < 120
        scores = [
            0.8 * hard + 0.6 * rng.normal(size=300) + gain * is_trained for gain in (0.6, 0.3)
        ]
        parts = [own[group] for own in scores for group in (is_trained, ~is_trained)]
        found = difference(*parts).auc
        held.append(found.low <= true <= found.high)
        widths.append(found.high - found.low)
    assert 0.92 <= np.mean(held) <= 0.98
    assert np.mean(widths) < 0.14


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_equal_students_of_two_audits_are_equal(spread):
    """One student of each of two audits, tested on the same documents and no better than the other,
    are called different in at most 5% of pairs."""
    rng = np.random.default_rng(3)
    called = []
    for _ in range(250):
        students = world(10, spread, rng)
        ours, theirs = students[:5], students[5:]
        lead = StudentsOfRandom(ours[1:], ONES).lead_over_another_audits(
            ours[0], theirs[0], StudentsOfRandom(theirs[1:], ONES)
        )
        called.append(lead.p_value <= CHANCE_OUTSIDE)
    assert np.mean(called) <= 0.06


def test_a_better_student_of_another_audit_is_found():
    """A student that is much better than the other audit's is told from it nearly always."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(100):
        students = world(10, 0.1, rng, gain=1.5)
        lead = StudentsOfRandom(students[2:6], ONES).lead_over_another_audits(
            students[0], students[1], StudentsOfRandom(students[6:], ONES)
        )
        found.append(lead.p_value <= CHANCE_OUTSIDE and lead.difference.low > 0)
    assert len(students[0]) == N
    assert np.mean(found) > 0.9
