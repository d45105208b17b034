"""Comparisons of students where none is better: how often one is called so."""

from __future__ import annotations

import numpy as np
import pytest
from support.student_world import ONES, N, world

from assay.core.stats.intervals import CHANCE_OUTSIDE, accuracy, holm
from assay.core.stats.student_leads import StudentsOfRandom


@pytest.mark.parametrize("n_random", [2, 5])
@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_eight_equal_strategies_have_no_better_student(n_random, spread):
    """The main comparison errs in 5% at most, and so do the seven others together; intervals of
    single students that do not touch err in more than 40% where draws matter."""
    rng = np.random.default_rng(n_random)
    n_main = n_better = n_before = 0
    for _ in range(400):
        students = world(8 + n_random, spread, rng)
        drawn, main = StudentsOfRandom(students[8:], ONES), students[0]
        n_main += drawn.lead_over_random(main).p_value <= CHANCE_OUTSIDE
        leads = [drawn.lead(own, main) for own in students[1:8]]
        corrected = holm([lead.p_value for lead in leads])
        n_better += any(
            p <= CHANCE_OUTSIDE and lead.difference.value > 0
            for p, lead in zip(corrected, leads, strict=True)
        )
        lows = [accuracy(own > 0).low for own in students[1:8]]
        n_before += max(lows) > accuracy(main > 0).high
    print(n_main, n_better, n_before)
    assert n_main <= 0.07 * 400
    assert n_better <= 0.07 * 400
    if spread == 0.3:
        assert n_before > 0.4 * 400


def test_a_student_that_is_better_is_found():
    """One clearly more able than random students is told from five of them nearly always, and the
    interval of one more random student holds it in 95%."""
    rng = np.random.default_rng(0)
    found, held = [], []
    for _ in range(200):
        students = world(7, 0.1, rng, gain=0.8)
        drawn = StudentsOfRandom(students[2:], ONES)
        lead = drawn.lead_over_random(students[0])
        found.append(lead.p_value <= CHANCE_OUTSIDE and lead.difference.low > 0)
        one_more = drawn.one_more()
        held.append(one_more.low <= students[1].mean() <= one_more.high)
    assert np.mean(found) > 0.9
    assert np.mean(held) == pytest.approx(0.95, abs=0.04)


def test_one_random_student_is_refused():
    """Nothing is said of how students differ by one of them."""
    with pytest.raises(ValueError, match="1 random students"):
        StudentsOfRandom(np.ones((1, N)), ONES)
