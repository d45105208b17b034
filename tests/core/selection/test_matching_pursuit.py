"""SELECT+ against its definition: each step's choice and weights are the best non-negative ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls
from support.gradient_features import dense, features

from assay.core.gradients.features import FactoredGradients, ProjectedGradients
from assay.core.selection import greedy
from assay.core.selection.matching_pursuit import (
    NonNegativeFit,
    select_plus,
    weights_by_rank,
)

KINDS = ["factored", "projected"]
SINGLE = 1e-5  # what single precision leaves unsure of a fit between −1 and 1


def written_out(f):
    """Each gradient as one vector over all checkpoints, and the target: (n × J·C·d), (J·C·d)."""
    gradients, target = dense(f)
    scale = np.linalg.norm(target, axis=1)
    matrix = np.concatenate(list(gradients / scale[:, None, None]), axis=1).astype(float)
    return matrix, np.concatenate(list(target / scale[:, None])).astype(float)


def of_kind(f, kind):
    """The same gradients, as factors or as vectors that stand for a projection of them."""
    if kind == "factored":
        return f
    return ProjectedGradients(dense(f)[0], f.alignment, f.squared_norms, f.target_norms)


def with_near_copies(f, n_copies, noise, seed):
    """The last documents become the first ones with some noise in both factors."""
    rng = np.random.default_rng(seed)
    for part in (f.errors, f.hidden):
        part[:, -n_copies:] = part[:, :n_copies]
        part[:, -n_copies:] += noise * rng.normal(size=part[:, -n_copies:].shape)
    return f


def naive_fits(f, documents):
    """The fit of every document before each of these choices and after all, those taken at −∞,
    and the weights of all: gradients written out, weights by plain NNLS.

    A fit is of a unit vector with what is left of the target, as a share of the target.
    """
    matrix, wanted = written_out(f)
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(wanted)
    fits, weights = [matrix @ wanted / lengths], np.zeros(0)
    for n_chosen in range(1, len(documents) + 1):
        chosen = list(documents[:n_chosen])
        weights = nnls(matrix[chosen].T, wanted)[0]
        fits.append(matrix @ (wanted - weights @ matrix[chosen]) / lengths)
        fits[-1][chosen] = -np.inf
    return fits, weights


def worst_choice(f, documents):
    """How far the worst choice's fit is below the best one's of its time."""
    return max(
        fit.max() - fit[d] for fit, d in zip(naive_fits(f, documents)[0], documents, strict=False)
    )


@settings(max_examples=40)
@given(
    seed=st.integers(0, 5000),
    n_checkpoints=st.integers(1, 2),
    budget=st.integers(1, 20),
    noise=st.sampled_from([0.02, 0.3]),
    kind=st.sampled_from(KINDS),
)
def test_select_plus_is_matching_pursuit(seed, n_checkpoints, budget, noise, kind):
    """Each document it chooses is the best, and their weighted sum is that, of the pursuit written
    out naively, also among near-duplicates."""
    f = with_near_copies(features(60, 3, 9, n_checkpoints, seed), 25, noise, seed)
    ours = select_plus(of_kind(f, kind), budget)
    assert worst_choice(f, ours.documents) < SINGLE
    fits, weights = naive_fits(f, ours.documents)
    assert len(ours.documents) == budget or fits[-1].max() < SINGLE
    vectors = written_out(f)[0][list(ours.documents)]
    expected = weights * (len(vectors) / weights.sum())
    apart = (np.asarray(ours.weights) - expected) @ vectors
    assert np.linalg.norm(apart) < 1e-3 * np.linalg.norm(expected @ vectors)


def test_other_choices_fall_short():
    """The comparison has teeth: SELECT's and top-k's choices are not the pursuit's."""
    f = features(60, 3, 9)
    for chosen in (greedy.select(f, 10), greedy.top_k(f, 10)):
        assert worst_choice(f, chosen.documents) > 1000 * SINGLE


@pytest.mark.parametrize("kind", KINDS)
def test_length_does_not_matter(kind):
    """However long each document's gradient is, the same are chosen, a longer one weighing less."""
    f = features(80, 3, 9)
    longer = 10 ** np.random.default_rng(1).uniform(-2, 2, 80).astype("f")
    scaled = FactoredGradients(f.errors * longer[:, None], f.hidden, f.target)
    plain, other = (select_plus(of_kind(g, kind), 20) for g in (f, scaled))
    assert plain.documents == other.documents
    counted = np.asarray(other.weights) * longer[list(other.documents)]
    assert counted / counted.sum() == pytest.approx(np.asarray(plain.weights) / 20, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_that_others_replace_weighs_nothing(kind):
    """What is left of the target is at right angles to every document with a weight, and none of
    those without one points to it, though they did when they were chosen."""
    f = features(300, 4, 60)
    f.hidden[:] += np.random.default_rng(0).normal(size=60)
    chosen = select_plus(of_kind(f, kind), 150)
    weights = np.asarray(chosen.weights)
    assert 3 <= (weights == 0).sum() < 30
    matrix, wanted = written_out(f)
    vectors = matrix[list(chosen.documents)]
    total = weights @ vectors
    residual = wanted - total * (total @ wanted) / (total @ total)
    fit = vectors @ residual / np.linalg.norm(vectors, axis=1) / np.linalg.norm(wanted)
    assert np.abs(fit[weights > 0]).max() < SINGLE
    assert fit[weights == 0].max() < SINGLE


def test_documents_at_right_angles_all_keep_their_weights():
    """Where nothing overlaps nothing is replaced: the weights are the target's own parts."""
    parts = np.arange(1, 9, dtype="f")
    f = FactoredGradients(np.ones((1, 8, 1), "f"), np.eye(8, dtype="f")[None], parts[None, None])
    chosen = select_plus(f, 8)
    assert chosen.documents == tuple(range(7, -1, -1))
    assert chosen.weights == pytest.approx(parts[::-1] * 8 / parts.sum(), rel=1e-5)


@settings(max_examples=40)
@given(seed=st.integers(0, 5000), n=st.integers(1, 25), shared=st.floats(0, 5))
def test_a_fit_from_the_one_before_is_the_fit_from_nothing(seed, n, shared):
    """Adding one document at a time gives the weights of non-negative least squares, also where
    documents are so alike that most weights are zero."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(30, n)) + shared * rng.normal(size=(30, 1))
    wanted = rng.normal(size=30) + columns.mean(axis=1)
    fitted = NonNegativeFit(n)
    for k in range(n):
        some = columns[:, : k + 1]
        fitted.add(some.T @ some[:, k], some[:, k] @ wanted)
        expected = nnls(some, wanted)[0]
        assert (fitted.weights >= 0).all()
        assert np.linalg.norm(some @ (fitted.weights - expected)) < 1e-3 * np.linalg.norm(wanted)


def test_gathered_rounding_is_corrected():
    """Weights fitted with a basis that is a little, or altogether, wrong come out the same."""
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(60, 31)) + 2 * rng.normal(size=(60, 1))
    wanted = rng.normal(size=60) + columns.mean(axis=1)
    found = []
    for wrong in (0.0, 1e-6, 10.0):
        fitted = NonNegativeFit(31)
        for k in range(31):
            if k == 30:
                fitted._basis[:] *= 1 + wrong * rng.normal(size=fitted._basis.shape)
            fitted.add(columns[:, : k + 1].T @ columns[:, k], columns[:, k] @ wanted)
        found.append(fitted.weights)
    assert found[1] == pytest.approx(found[0], abs=1e-8)
    assert found[2] == pytest.approx(found[0], abs=1e-8)


@pytest.mark.parametrize("dimension", [1, 2, 6])
def test_more_documents_than_dimensions(dimension):
    """Past as many documents as there are dimensions, or copies of one, every weight is finite and
    the target is met."""
    f = features(60, 2, dimension)
    f.errors[:, 30:], f.hidden[:, 30:] = f.errors[:, 29:30], f.hidden[:, 29:30]
    chosen = select_plus(f, 60)
    assert np.isfinite(chosen.weights).all()
    assert min(chosen.weights) >= 0
    matrix, wanted = written_out(f)
    total = np.asarray(chosen.weights) @ matrix[list(chosen.documents)]
    best = nnls(matrix.T, wanted)[0] @ matrix
    reached, possible = (v @ wanted / np.linalg.norm(v) for v in (total, best))
    assert reached == pytest.approx(possible, abs=1e-5)


def test_weights_come_nearer_the_target():
    """With as many documents its cosine is higher than SELECT's, and it is the cosine it says."""
    f = features(500, 4, 40)
    plain, weighted = greedy.select(f, 40), select_plus(f, 40)
    assert weighted.objective[-1] > plain.objective[-1] + 0.01
    gradients, target = dense(f)
    total = np.asarray(weighted.weights) @ gradients[0, list(weighted.documents)]
    cosine = total @ target[0] / np.linalg.norm(total) / np.linalg.norm(target[0])
    assert weighted.objective[-1] == pytest.approx(cosine, abs=1e-4)


def test_weights_are_never_negative_and_average_one():
    """Among copies of one document none is negative; together all chosen count as many as they
    are."""
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


def test_numpy_and_torch_agree():
    """Features kept as torch arrays give the same selection and weights."""
    f = features(80, 4, 16, n_checkpoints=2)
    g = FactoredGradients(*(torch.from_numpy(x) for x in (f.errors, f.hidden, f.target)))
    ours, theirs = select_plus(f, 30), select_plus(g, 30)
    assert ours.documents == theirs.documents
    assert ours.weights == pytest.approx(theirs.weights, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_at_a_rank_are_those_of_a_smaller_budget(kind):
    """Read off the choices alone, the weights at each rank are what SELECT+ ends with when it may
    choose no more; the last ones are not those of every rank."""
    f = of_kind(features(n=40, seed=4), kind)
    made = select_plus(f, 12)
    rows = weights_by_rank(f, made.documents)
    for n_chosen in range(1, len(made.documents) + 1):
        own = rows[n_chosen - 1]
        smaller = np.array(select_plus(f, n_chosen).weights)
        assert not own[n_chosen:].any()
        np.testing.assert_allclose(
            own[:n_chosen] * n_chosen / own.sum(), smaller, rtol=1e-3, atol=1e-3
        )
    first = rows[5][:6] / rows[5][:6].sum()
    assert not np.allclose(first, rows[-1][:6] / rows[-1][:6].sum(), rtol=1e-2)
