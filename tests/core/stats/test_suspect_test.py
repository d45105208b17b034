"""The statistics of suspect tests: p-values uniform under the null, and what they find."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import kstest, rankdata
from support.tiny_models import documents

from assay.core.specs.strategies import Strategy
from assay.core.stats.suspect_test import (
    _n_at_least,
    _p_values,
    combined,
    separability_by,
    separability_by_words,
    standing_out,
    used_test,
)


def test_p_values_are_uniform_under_the_null():
    """Over 400 shuffles of roles, with skewed and tied scores, p is uniform (Kolmogorov–Smirnov);
    with a shift in the suspects it is not."""
    rng = np.random.default_rng(0)
    shares = {}
    for shift in (0.0, 0.6):
        values = []
        for seed in range(400):
            scores = {"skewed": rng.lognormal(size=60), "tied": rng.integers(0, 4, 60) + 0.0}
            is_suspect = rng.permutation(60) < 25
            scores["skewed"] += shift * is_suspect
            values.append(used_test(scores, is_suspect, seed, 199).p_value)
        shares[shift] = kstest(values, "uniform").pvalue
    assert shares[0.0] > 0.01
    assert shares[0.6] < 1e-6


def test_alike_sets_are_rarely_refused_and_others_always():
    """Words refuse few of 60 random splits of one corpus, and always one that differs in a word."""
    texts = documents(120, seed=5)[0]
    is_suspect = np.arange(120) < 60
    rng = np.random.default_rng(2)
    refused = [
        separability_by_words(
            [texts[i] for i in rng.permutation(120)], is_suspect, seed
        ).is_separable
        for seed in range(60)
    ]
    assert np.mean(refused) <= 0.15
    marked = [f"{text} indeed" if i < 60 else text for i, text in enumerate(texts)]
    assert separability_by_words(marked, is_suspect, 0).is_separable
    lengths = np.array([len(text) for text in texts], float)
    assert separability_by("length", lengths + 20 * ~is_suspect, is_suspect).is_separable


def test_a_constant_score_adds_nothing():
    """A pair whose head did not move has no alignment; the test then rests on the others."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=40)
    for of in (combined, standing_out):
        both = of({"constant": np.zeros(40), Strategy.EMBEDDING_MATCH: np.ones(40), "real": values})
        assert np.array_equal(both, of({"real": values}))
        assert not of({"constant": np.zeros(40)}).any()


def test_trained_parts_share_two_thirds_of_the_weight():
    """However many of them and of other scores there are."""
    rng = np.random.default_rng(4)
    scores = {name: rng.normal(size=50) for name in (Strategy.EMBEDDING_MATCH, "a", "b", "c")}
    alone = {name: combined({name: own}) for name, own in scores.items()}
    others = np.mean([alone[name] for name in "abc"], axis=0)
    wanted = (2 * alone[Strategy.EMBEDDING_MATCH] + others) / 3
    assert np.allclose(combined(scores), wanted)
    assert not np.allclose(combined(scores), np.mean(list(alone.values()), axis=0))
    scores[Strategy.LAYER_MATCH] = rng.normal(size=50)
    layers = combined({Strategy.LAYER_MATCH: scores[Strategy.LAYER_MATCH]})
    assert np.allclose(combined(scores), (alone[Strategy.EMBEDDING_MATCH] + layers + others) / 3)


@given(
    scores=hnp.arrays(np.float64, (2, 7), elements=st.integers(-3, 3).map(float)),
    is_ruled_out=hnp.arrays(np.bool_, 7),
)
@settings(max_examples=12)
def test_no_level_is_exceeded_whatever_the_scores(scores, is_ruled_out):
    """Over all 35 choices of suspects among seven documents, each with its exact p-value, at most a
    share α has p ≤ α, for every α: with ties, constant scores and documents ruled out."""
    known = {Strategy.EMBEDDING_MATCH: scores[0], "other": scores[1]}
    p_values = [
        used_test(known, np.isin(np.arange(7), suspects), 0, 99, is_ruled_out=is_ruled_out).p_value
        for suspects in combinations(range(7), 3)
    ]
    shares = rankdata(p_values, method="max") / len(p_values)
    assert np.all(shares <= np.array(p_values) + 1e-12)


def test_both_statistics_are_shuffled_alike():
    """The smaller of two p-values is corrected by their joint distribution, which needs the same
    shuffles: two equal rows of statistics get equal p-values in every shuffle, across batches."""
    values = np.random.default_rng(9).normal(size=40)
    found = _p_values(np.stack([values, values]), np.arange(40) < 20, 0, 600)
    assert found.shape == (2, 601)
    assert np.array_equal(found[0], found[1])
    assert found[0].min() < 0.01 < 0.99 < found[0].max()


def drawn(n_standing_out, seed, n_controls=100):
    """100 suspects, some of them six standard deviations above the controls."""
    values = np.random.default_rng(seed).normal(size=100 + n_controls)
    values[:n_standing_out] += 6
    return values, np.arange(100 + n_controls) < 100


def test_few_documents_are_found_by_the_highest_scores_and_many_by_the_mean():
    """Ten of 100 suspects far above all others drown in the mean; a shift of all suspects drowns in
    the highest scores where those are outliers. The test finds both."""
    few, many = [], []
    for seed in range(20):
        values, who = drawn(10, seed)
        few.append(used_test({"a": values}, who, 0, 999))
        heavy = np.random.default_rng(seed).standard_t(2, size=200)
        many.append(used_test({"a": heavy + 1.2 * who}, who, 0, 999))

    def power(found, name):
        return np.mean([getattr(one, name) <= 0.01 for one in found])

    assert min(power(few, "p_value"), power(few, "by_highest")) >= 0.9 > power(few, "by_mean") * 2
    assert (
        min(power(many, "p_value"), power(many, "by_mean")) >= 0.9 > power(many, "by_highest") * 2
    )


def test_more_controls_find_fewer_leaked_documents():
    """Five of 100 are all at the top, which shuffles of 100 and 100 give in 3%: they are rarely
    found at 1%. Against 400 controls they always are."""
    found = {
        n_controls: [
            used_test({"a": values}, who, 0, 499).p_value <= 0.01
            for values, who in (drawn(5, seed, n_controls) for seed in range(20))
        ]
        for n_controls in (100, 400)
    }
    assert np.mean(found[100]) < 0.35
    assert np.mean(found[400]) > 0.9


def test_documents_that_are_ruled_out_hide_no_differences():
    """How many tokens rule a document out is no scale for the agreements of the others: with most
    documents ruled out, ten trained suspects are found only if the test knows which."""
    rng = np.random.default_rng(10)
    is_suspect, n_found = np.arange(200) < 100, np.zeros(2)
    for seed in range(20):
        agreements = rng.normal(0.1, 0.05, size=200)
        agreements[:10] += 0.25
        out = (rng.random(200) < 0.8) & (np.arange(200) >= 10)
        scores = {
            Strategy.EMBEDDING_MATCH: agreements - 2 * out * rng.integers(1, 7, 200),
            "other": rng.normal(size=200),
        }
        n_found += [
            used_test(scores, is_suspect, seed, 499, is_ruled_out=known).p_value <= 0.01
            for known in (out, None)
        ]
    assert n_found[0] >= 16
    assert n_found[1] <= n_found[0] / 2


@pytest.mark.parametrize("n_trained", [0, 3, 20])
def test_the_number_trained_on_is_rarely_said_to_be_larger(n_trained):
    """Over 2,000 draws with ties, the bound exceeds the truth in at most 5%, and says most of it if
    there is much to say."""
    bounds = []
    for seed in range(2_000):
        values, is_suspect = drawn(n_trained, seed)
        tied = np.round(values, 1)
        bounds.append(_n_at_least(tied[is_suspect], tied[~is_suspect]))
    assert np.mean(np.array(bounds) > n_trained) <= 0.06
    assert np.mean(bounds) >= n_trained - 8
    assert all(isinstance(one, int) for one in bounds)
