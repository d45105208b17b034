"""The measured quantities against brute force and simulation."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from assay.core.similarity.transport import transport_distance
from assay.core.similarity.vocabulary import (
    class_shares,
    total_variation,
    vocabulary,
    vocabulary_containment,
)
from assay.core.stats.intervals import Interval, accuracy, p_above_half, random_band
from assay.core.stats.recall import located


def unit_vectors(n, seed, width=12):
    vectors = np.random.default_rng(seed).normal(size=(n, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_transport_of_equal_sizes_is_the_best_assignment():
    """For two sets of one size, exact transport is the cheapest one-to-one assignment."""
    a, b = unit_vectors(40, 0), unit_vectors(40, 1)
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)
    rows, columns = linear_sum_assignment(cost)
    result = transport_distance(a, b)
    assert result.method == "exact"
    assert result.distance == pytest.approx(cost[rows, columns].mean(), abs=1e-5)
    assert result.distance < cost.mean() - 0.1


@given(n=st.integers(1, 20), m=st.integers(1, 20))
@settings(max_examples=20)
def test_transport_is_a_distance(n, m):
    """It is zero from a set to itself, the same both ways, and positive between different sets."""
    a, b = unit_vectors(n, 0), unit_vectors(m, 1)
    assert transport_distance(a, a).distance == pytest.approx(0, abs=1e-6)
    there, back = transport_distance(a, b).distance, transport_distance(b, a).distance
    assert there == pytest.approx(back, abs=1e-9)
    assert there > 0.01


def test_transport_needs_no_torch():
    """Computing a transport distance imports no torch, so that pages may."""
    code = (
        "import sys, numpy as np;"
        "from assay.core.similarity.transport import transport_distance as t;"
        "t(np.eye(3), np.eye(3)); assert 'ot' in sys.modules; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_containment_is_over_the_smaller_vocabulary():
    """A vocabulary inside a larger one is wholly contained, a disjoint one not at all."""
    small, large = vocabulary([[1, 2], [2, 3]]), vocabulary([[1, 2, 3, 4, 5]])
    assert vocabulary_containment(small, large) == vocabulary_containment(large, small) == 1
    assert vocabulary_containment(small, {7, 8}) == 0
    assert vocabulary_containment({1, 2, 3, 9}, {1, 2, 3, 4, 5}) == 0.75


def test_total_variation_counts_what_must_move():
    """It is the share of documents whose class would have to change."""
    a = class_shares(np.array([0, 0, 1, 1]), 3)
    b = class_shares(np.array([0, 1, 1, 1]), 3)
    assert total_variation(a, b) == pytest.approx(0.25)
    assert total_variation(a, a) == 0


def test_p_value_is_the_share_of_selections_that_do_as_well():
    """Counting every possible selection of a small pool gives the same p-value and null."""
    n, leaked, k = 10, {0, 1, 2, 3}, 3
    hits = np.array([len(leaked & set(chosen)) for chosen in combinations(range(n), k)])
    for x in range(4):
        result = located(n, len(leaked), k, x)
        assert result.p_value == pytest.approx((hits >= x).mean())
        assert result.null_precision.value == pytest.approx(hits.mean() / k)
    assert located(n, 4, k, 0).p_value == 1 > located(n, 4, k, 3).p_value


@given(n_leaked=st.integers(1, 50), n_selected=st.integers(1, 100), share=st.floats(0, 1))
@settings(max_examples=60)
def test_recall_never_exceeds_its_ceiling(n_leaked, n_selected, share):
    """Recall lies under min(1, k/K), inside its interval, and lift is precision over share."""
    n_located = round(share * min(n_leaked, n_selected))
    result = located(100, n_leaked, n_selected, n_located)
    assert result.recall.value <= result.recall_ceiling <= 1
    for interval in (result.recall, result.precision):
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert result.lift.value == pytest.approx(result.precision.value / (n_leaked / 100))


def test_impossible_counts_are_refused():
    """More located than selected or leaked is an error, not a number."""
    for counts in [(10, 3, 2, 3), (10, 0, 2, 0), (10, 3, 11, 1)]:
        with pytest.raises(ValueError):
            located(*counts)


@pytest.mark.parametrize("truth", [0.03, 0.3, 0.8])
def test_precision_interval_covers(truth):
    """Over many samples the 95% interval of precision holds the true share at least that often."""
    rng = np.random.default_rng(0)
    covered = 0
    for found in rng.binomial(40, truth, 400):
        interval = located(1000, 500, 40, int(found)).precision
        covered += interval.low <= truth <= interval.high
    assert covered / 400 >= 0.93


def test_accuracy_interval_shrinks_with_more_documents():
    """Ten times the documents give a narrower Wilson interval around the same share."""
    few, many = np.arange(50) % 2 == 0, np.arange(500) % 2 == 0
    assert accuracy(few).value == accuracy(many).value == 0.5
    assert accuracy(many).high - accuracy(many).low < 0.5 * (accuracy(few).high - accuracy(few).low)


@pytest.mark.parametrize(("n_correct", "n"), [(60, 100), (505, 1000), (29, 30), (101, 200)])
def test_the_p_value_of_a_share_is_that_of_its_wilson_interval(n_correct, n):
    """It is the normal test of one half that Wilson's interval inverts, so it is under 2.5% exactly
    where the interval lies above one half."""
    found = accuracy(np.arange(n) < n_correct)
    p = p_above_half(found)
    assert p == pytest.approx(norm.sf((n_correct - n / 2) / (n / 4) ** 0.5), rel=1e-6)
    assert (p < 0.025) == (found.low > 0.5)


def test_what_is_no_more_than_a_half_has_no_p_value_below_one():
    """Nothing speaks for a share above one half where it is below, or where nothing is known."""
    assert p_above_half(Interval(0.5, 0.4, 0.6)) == 1.0
    assert p_above_half(Interval(0.3, 0.2, 0.4)) == 1.0
    assert p_above_half(Interval(0.7, 0.0, 1.0)) == 1.0


def test_random_band_holds_the_middle():
    """The band of draws leaves out the extreme fortieth on either side."""
    band = random_band(np.arange(1, 1000) / 1000)
    assert (band.value, band.low, band.high) == pytest.approx((0.5, 0.025, 0.975))
