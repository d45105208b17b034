"""No ranking depends on the order in which equal documents come."""

from __future__ import annotations

import numpy as np
import pytest

from assay.core.stats.ranking import all_equal, ranked


def test_equal_scores_are_taken_in_an_order_of_the_seed():
    """Of equal scores each place holds each document equally often, and a seed repeats itself."""
    scores = np.array([1.0, 2.0, 1.0, 1.0, 0.0, 1.0])
    orders = np.array([ranked(scores, seed) for seed in range(2000)])
    assert (orders[:, 0] == 1).all()
    assert (orders[:, -1] == 4).all()
    counts = [
        (orders[:, place] == document).mean() for place in (1, 4) for document in (0, 2, 3, 5)
    ]
    assert counts == pytest.approx([0.25] * 8, abs=0.04)
    assert ranked(scores, 3).tolist() == ranked(scores, 3).tolist()


def test_different_scores_are_ranked_whatever_the_seed():
    """Without ties no seed changes anything."""
    scores = np.random.default_rng(0).normal(size=50)
    for seed in range(5):
        assert ranked(scores, seed).tolist() == np.argsort(-scores).tolist()


def test_scores_that_differ_by_rounding_are_equal():
    """Rounding ranks nothing, however it lies along the corpus; a real difference does."""
    rising = np.log(4) * (1 + 1e-7 * np.linspace(0, 1, 40))
    assert all_equal(rising)
    assert ranked(rising, 0).tolist() != np.argsort(-rising).tolist()
    assert not all_equal(rising + np.eye(1, 40, 7)[0] * 1e-3)
    assert all_equal(np.zeros(9))
    assert not all_equal(np.array([0.3]))
