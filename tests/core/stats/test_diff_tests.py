"""What is called a difference, on draws whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from assay.core.similarity.name_matching import cluster_by_cosine, match_names
from assay.core.stats.mean_drop_test import against_rest
from assay.core.stats.noise_floor import LEVEL, noise_floor, share_beyond
from assay.core.stats.vote_test import SIGNIFICANCE, could_differ, vote_changes

N_LISTS = 16


def cosines_of(first, second):
    return lambda rows, columns: np.asarray(first)[rows] @ np.asarray(second)[columns].T


def test_alignment_takes_equal_names_first_and_then_the_best_whole():
    """No name is in two pairs, equal forms are paired whatever their vectors, the sum of cosines
    is the greatest there is, and nothing below the threshold is paired."""
    angles = np.radians([[0, 20, 90, 130], [12, 35, 0, 200]])
    first, second = (np.stack([np.cos(row), np.sin(row)], 1) for row in angles)
    pairs = match_names(
        ["a", "b", "same", "c"], ["d", "e", "same", "f"], cosines_of(first, second), 0.9
    )
    # b is nearest to d, but pairing a with d and b with e is the better whole.
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 0), (1, 1), (2, 2)]
    assert [pair.cosine is None for pair in pairs] == [False, False, True]
    assert not match_names(["a"], ["d"], cosines_of(first[:1], second[:1]), 0.99)
    with pytest.raises(ValueError, match="twice"):
        match_names(["a", "a"], ["b"], cosines_of(first, second), 0.9)


def test_names_are_gathered_around_the_weightiest():
    """A name joins the first that is near enough, never by way of another's neighbour."""
    angles = np.radians([0, 20, 40, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], 1)
    assert cluster_by_cosine(vectors, np.cos(np.radians(25))) == [[0, 1], [2], [3]]


@pytest.mark.parametrize("n", [4, 12, 40, 80])
def test_the_floor_covers_what_it_says(n):
    """In at least 95% of draws the floor is above the quantile that it stands for, which the
    draws' own quantile, the negative control, is not."""
    rng = np.random.default_rng(n)
    truth = norm.ppf((1 + LEVEL) / 2)
    draws = rng.normal(size=(600, n))
    assert np.mean([noise_floor(one).value >= truth for one in draws]) >= 0.93
    assert np.mean(np.quantile(np.abs(draws), LEVEL, axis=1) >= truth) < 0.6


def test_a_floor_needs_no_distribution_once_there_are_enough():
    """From 59 differences on the floor is one of them; without any there is none."""
    assert not noise_floor(np.linspace(0, 1, 58)).is_distribution_free
    assert noise_floor(np.linspace(0, 1, 59)) == noise_floor(-np.linspace(0, 1, 59))
    assert noise_floor(np.linspace(0, 1, 59)).is_distribution_free
    assert noise_floor([]) is None


def test_votes_of_one_model_seldom_differ_and_a_planted_change_is_found():
    """At most 5% of families of topics with nothing changed report any; one topic that falls from
    nine lists of ten to none is found in nearly all."""
    rng = np.random.default_rng(0)
    n_false = n_found = 0
    for _ in range(40):
        chances = np.append(rng.beta(0.7, 2, 40), 0.9)
        first, second = rng.binomial(N_LISTS, chances), rng.binomial(N_LISTS, chances)
        for is_planted in (False, True):
            if is_planted:
                second[-1] = 0
            kept = could_differ(first, second, N_LISTS)
            is_found = vote_changes(first[kept], second[kept], N_LISTS).q_values <= SIGNIFICANCE
            n_false += not is_planted and is_found.any()
            n_found += is_planted and bool(is_found[-1])
    assert n_false <= 4
    assert n_found >= 36


def test_what_is_left_out_could_not_have_differed():
    """A topic is left out by its votes in both runs together, and only where no split of them is
    significant."""
    every = np.array([(a, b) for a in range(9) for b in range(9)])
    kept = could_differ(every[:, 0], every[:, 1], 8)
    totals = every.sum(axis=1)
    for total in range(17):
        own = vote_changes(*every[totals == total].T, 8).p_values
        assert set(kept[totals == total]) == {own.min() <= SIGNIFICANCE}


def test_a_fallen_branch_stands_out_and_chance_does_not():
    """A branch whose values are all lower is significant after correction, alone; of branches that
    are alike few families have any."""
    rng = np.random.default_rng(3)
    groups = [rng.normal(3, 1, 6) for _ in range(8)]
    assert not any(fall.q_value <= SIGNIFICANCE for fall in against_rest(groups))
    groups[2] = groups[2] - 4
    found = against_rest(groups)
    assert [fall.q_value <= SIGNIFICANCE for fall in found] == [at == 2 for at in range(8)]
    assert found[2].drop > 2
    assert against_rest(groups[:1]) == []


def test_a_share_is_beyond_noise_only_with_its_whole_interval():
    """More lost topics than between runs of one model are beyond noise where the difference's
    interval is; a few more are not."""
    assert share_beyond(30, 40, 8, 40).excess.low > 0
    assert share_beyond(11, 40, 8, 40).excess.low < 0
    with pytest.raises(ValueError):
        share_beyond(1, 2, 0, 0)
