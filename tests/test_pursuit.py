"""SELECT+ against its definition: each step's weights are the best non-negative ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from test_selection import dense, features

from core.maths import selection
from core.maths.pursuit import non_negative_fit, select_plus


def naive_pursuit(f, budget):
    """Orthogonal matching pursuit on the written-out gradients, weights by plain NNLS."""
    gradients, target = dense(f)
    scale = np.linalg.norm(target, axis=1)
    matrix = np.concatenate(list(gradients / scale[:, None, None]), axis=1).astype(float)
    wanted = np.concatenate(list(target / scale[:, None])).astype(float)
    chosen, weights = [], np.zeros(0)
    lengths = np.linalg.norm(matrix, axis=1)
    for _ in range(budget):
        residual = wanted - weights @ matrix[chosen] if chosen else wanted
        fit = matrix @ residual / lengths
        fit[chosen] = -np.inf
        if fit.max() <= 0:
            break
        chosen.append(int(fit.argmax()))
        weights = nnls(matrix[chosen].T, wanted)[0]
    return chosen, weights


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 5000), n_checkpoints=st.integers(1, 2), budget=st.integers(1, 15))
def test_select_plus_is_matching_pursuit(seed, n_checkpoints, budget):
    """It chooses the documents, with the weights, of the pursuit written out naively."""
    f = features(40, 3, 9, n_checkpoints, seed)
    chosen, weights = naive_pursuit(f, budget)
    ours = select_plus(f, budget)
    assert list(ours.documents) == chosen
    assert np.allclose(ours.weights, weights * len(chosen) / weights.sum(), atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 5000), n=st.integers(1, 25), shared=st.floats(0, 5))
def test_a_fit_from_the_one_before_is_the_fit_from_nothing(seed, n, shared):
    """Adding one document at a time gives the weights of non-negative least squares, also where
    documents are so alike that most weights are zero."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(30, n)) + shared * rng.normal(size=(30, 1))
    wanted = rng.normal(size=30) + columns.mean(axis=1)
    weights = np.zeros(0)
    for k in range(1, n + 1):
        some = columns[:, :k]
        weights = non_negative_fit(some.T @ some, some.T @ wanted, np.append(weights, 0.0))
        expected = nnls(some, wanted)[0]
        assert (weights >= 0).all()
        assert np.linalg.norm(some @ (weights - expected)) < 1e-3 * np.linalg.norm(wanted)


def test_weights_come_nearer_the_target():
    """With as many documents its cosine is higher than SELECT's, and it is the cosine it says."""
    f = features(500, 4, 40)
    plain, weighted = selection.select(f, 40), select_plus(f, 40)
    assert weighted.objective[-1] > plain.objective[-1] + 0.01
    gradients, target = dense(f)
    total = np.asarray(weighted.weights) @ gradients[0, list(weighted.documents)]
    cosine = total @ target[0] / np.linalg.norm(total) / np.linalg.norm(target[0])
    assert weighted.objective[-1] == pytest.approx(cosine, abs=1e-4)


def test_weights_are_never_negative_and_average_one():
    """Copies of one document share its weight; none is negative; together they count as many."""
    f = features(60, 3, 8)
    f.errors[:, 1:5], f.hidden[:, 1:5] = f.errors[:, :1], f.hidden[:, :1]
    chosen = select_plus(f, 20)
    assert min(chosen.weights) >= 0
    assert sum(chosen.weights) == pytest.approx(len(chosen.documents))


def test_zero_gradients_are_left_out():
    """Documents without a gradient, or pointing away from all that is left, are not chosen."""
    f = features(12)
    f.errors[:, 3] = 0
    assert 3 not in select_plus(f, 12).documents
