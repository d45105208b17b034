"""Selection: the incremental greedy against the formula it stands for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gradient_features import dense, features

from assay.core.errors import InputError
from assay.core.gradients.features import FactoredGradients, LikelyProducts, projected_factors
from assay.core.selection import greedy
from assay.core.selection.matching_pursuit import select_plus


def naive_select(f, budget, batch_size=None):
    """The paper's algorithm 1 to the letter: form every candidate sum, normalise, take the best."""
    gradients, target = (x.astype(np.float64) for x in dense(f))
    unit = target / np.linalg.norm(target, axis=1, keepdims=True)
    chosen, total = [], np.zeros_like(unit)
    for _ in range(min(budget, gradients.shape[1])):
        if batch_size and chosen and len(chosen) % batch_size == 0:
            total = np.zeros_like(unit)
        sums = total[:, None] + gradients
        cosines = (sums * unit[:, None]).sum(-1) / np.linalg.norm(sums, axis=-1)
        cosines = cosines.mean(0)
        cosines[chosen] = -np.inf
        chosen.append(int(cosines.argmax()))
        total = total + gradients[:, chosen[-1]]
    return tuple(chosen)


def falls_short(f, chosen, batch_size=None):
    """By how much, at worst, a choice's cosine is below the best that the formula finds."""
    gradients, target = (x.astype(np.float64) for x in dense(f))
    unit = target / np.linalg.norm(target, axis=1, keepdims=True)
    total, worst, left = np.zeros_like(unit), 0.0, np.ones(gradients.shape[1], bool)
    for place, document in enumerate(chosen):
        if batch_size and place % batch_size == 0:
            total = np.zeros_like(unit)
        sums = total[:, None] + gradients
        cosines = (sums * unit[:, None]).sum(-1) / np.linalg.norm(sums, axis=-1)
        cosines = np.where(left, cosines.mean(0), -np.inf)
        worst = max(worst, cosines.max() - cosines[document])
        left[document], total = False, total + gradients[:, document]
    return worst


# What single precision leaves of a cosine; choices that differ by less are equal.
_ROUNDING = 2e-7


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    n_checkpoints=st.integers(1, 3),
    n_classes=st.integers(2, 6),
    budget=st.integers(1, 25),
)
def test_greedy_is_the_naive_formula(seed, n_checkpoints, n_classes, budget):
    """SELECT chooses what renormalising every candidate sum chooses, rounding apart."""
    f = features(40, n_classes, 7, n_checkpoints, seed)
    chosen = greedy.select(f, budget).documents
    assert len(set(chosen)) == budget
    assert falls_short(f, chosen) < _ROUNDING


def test_greedy_is_the_naive_formula_to_the_letter():
    """On fixed features no rounding comes into it: the same documents in the same order."""
    f = features(60, n_checkpoints=2)
    assert greedy.select(f, 25).documents == naive_select(f, 25)


def test_greedy_differs_from_top_k():
    """The comparison has teeth: on the same features top-k chooses otherwise, and worse."""
    f = features(60)
    other = greedy.top_k(f, 20).documents
    assert other != naive_select(f, 20)
    assert falls_short(f, other) > 1e-3


@given(seed=st.integers(0, 1000), batch_size=st.integers(1, 9))
@settings(max_examples=25)
def test_batch_variant_starts_again_each_batch(seed, batch_size):
    """SELECT (batch) is SELECT with the running sum set to zero every batch."""
    f = features(40, seed=seed)
    chosen = greedy.select(f, 20, batch_size).documents
    assert len(set(chosen)) == 20
    assert falls_short(f, chosen, batch_size) < _ROUNDING


def test_batch_of_the_whole_budget_is_select():
    """A batch as large as the budget never resets; a smaller one chooses otherwise."""
    f = features(60)
    whole = greedy.select(f, 20)
    assert greedy.select(f, 20, 20) == whole
    assert greedy.select(f, 20, 4) != whole


@pytest.mark.parametrize("budget", [1, 7, 20])
def test_prefix_property(budget):
    """A smaller budget gives the beginning of a larger one's selection."""
    f = features(60)
    assert greedy.select(f, budget).documents == greedy.select(f, 40).documents[:budget]


def test_planted_subset_is_found():
    """Documents made of the target's factors are chosen first; random choice finds few."""
    planted = list(range(5, 45, 2))
    f = features(400, 4, 32, planted=planted)
    found = set(greedy.select(f, len(planted)).documents) & set(planted)
    by_chance = set(greedy.random(f, len(planted), seed=1).documents) & set(planted)
    assert len(found) >= 15
    assert len(by_chance) <= 5


def test_objective_is_the_cosine_of_the_sum():
    """The recorded objective is the cosine of the summed gradient, and gains add up to it."""
    f = features(50)
    chosen = greedy.select(f, 12)
    gradients, target = dense(f)
    total = gradients[0, list(chosen.documents)].sum(0)
    cosine = total @ target[0] / np.linalg.norm(total) / np.linalg.norm(target[0])
    assert chosen.objective[-1] == pytest.approx(cosine, abs=1e-5)
    assert sum(chosen.gains) == pytest.approx(cosine, abs=1e-5)


def test_the_objective_of_any_order_is_the_cosine_of_each_sum():
    """Of an order of more documents than are multiplied at a time, every document's is."""
    f = features(greedy._BLOCK * 2 + 40, n_checkpoints=2)
    order = np.random.default_rng(0).permutation(f.n_documents)
    gradients, target = (x.astype(np.float64) for x in dense(f))
    sums = gradients[:, order].cumsum(axis=1)
    products = (sums * target[:, None]).sum(-1)
    lengths = np.linalg.norm(sums, axis=-1) * np.linalg.norm(target, axis=-1)[:, None]
    found = greedy.in_order(f, order.tolist())
    assert found.documents == tuple(order.tolist())
    assert found.objective == pytest.approx((products / lengths).mean(0), abs=1e-5)


@pytest.mark.parametrize("n_kept", [0, 70, 10_000])
def test_likely_products_are_those_of_the_document_asked_for(monkeypatch, n_kept):
    """Whatever was ranked high before, and however little is remembered of it, each document gets
    its own products with all."""
    monkeypatch.setattr("assay.core.gradients.features._MOST_VALUES_KEPT", n_kept * 2 * 90)
    f = features(90, n_checkpoints=2)
    expected = np.einsum("jnd,jmd->jnm", dense(f)[0], dense(f)[0])
    likely, rng = LikelyProducts(f), np.random.default_rng(0)
    for document in rng.integers(0, 90, 300):
        ranking = np.where(rng.random(90) < 0.5, -np.inf, rng.random(90))
        found = likely.of(int(document), ranking)
        assert found == pytest.approx(expected[:, :, document], abs=1e-4)


def test_one_reading_serves_what_ranked_high():
    """Documents that ranked high when another's products were found are not looked up again; one
    that ranked lowest of all is."""
    asked = []

    class Asked(FactoredGradients):
        def inner_products_with(self, documents):
            asked.append(sorted(documents))
            return super().inner_products_with(documents)

    f = features(90)
    likely, ranking = LikelyProducts(Asked(f.errors, f.hidden, f.target)), -np.arange(90.0)
    for document in (5, 0, 15, 89):
        likely.of(document, ranking)
    assert asked == [list(range(16)), [*range(16, 31), 89]]


def test_zero_gradients_never_rank():
    """A document with no gradient is chosen by no gradient strategy, even when all else is used."""
    f = features(12)
    f.errors[:, 3] = 0
    for chosen in (greedy.select(f, 12), greedy.top_k(f, 12)):
        assert 3 not in chosen.documents
        assert len(chosen.documents) == 11


def test_balanced_top_k_ends_when_a_class_runs_dry():
    """A class with fewer documents than its share is not filled up from the others."""
    f = features(60)
    pseudolabels = np.array([0] * 4 + [1] * 30 + [2] * 26)
    chosen = greedy.top_k_balanced(f, pseudolabels, 30).documents
    counts = np.bincount(pseudolabels[list(chosen)], minlength=3)
    assert counts.tolist() == [4, 10, 10]


def test_p_min_is_p_max_from_the_other_end():
    """P-min takes the lowest losses, P-max the highest; together they are everything."""
    f = features(20)
    losses = np.random.default_rng(3).random(20)
    low = greedy.by_loss(f, losses, 10, lowest=True).documents
    high = greedy.by_loss(f, losses, 10, lowest=False).documents
    assert losses[list(low)].max() < losses[list(high)].min()
    assert sorted(low + high) == list(range(20))


def test_numpy_and_torch_agree():
    """The same code gives the same selection for NumPy and torch arrays."""
    f = features(80, 4, 16, n_checkpoints=2)
    g = FactoredGradients(*(torch.from_numpy(x) for x in (f.errors, f.hidden, f.target)))
    for strategy in (greedy.select, greedy.top_k):
        assert strategy(f, 30).documents == strategy(g, 30).documents


def test_order_of_documents_does_not_matter():
    """Shuffling the pool permutes the selection and changes nothing else."""
    f = features(50)
    order = np.random.default_rng(0).permutation(50)
    shuffled = greedy.select(f.subset(order.tolist()), 20).documents
    assert tuple(order[list(shuffled)].tolist()) == greedy.select(f, 20).documents


CHOICES = {
    "select": greedy.select,
    "select-plus": select_plus,
    "top-k": greedy.top_k,
    "top-k-balanced": lambda f, budget, seed: greedy.top_k_balanced(
        f, np.zeros(f.n_documents, int), budget, seed
    ),
    "p-min": lambda f, budget, seed: greedy.by_loss(
        f, np.ones(f.n_documents), budget, lowest=True, seed=seed
    ),
    "p-max": lambda f, budget, seed: greedy.by_loss(
        f, np.ones(f.n_documents), budget, lowest=False, seed=seed
    ),
    "by-score": lambda f, budget, seed: greedy.by_score(
        f, np.full(f.n_documents, 0.3), budget, seed
    ),
}


@pytest.mark.parametrize("name", CHOICES)
def test_equal_documents_are_chosen_alike_wherever_they_stand(name):
    """Where nothing tells documents apart, those that come first in the corpus are chosen no more
    often than the others: in the mean over seeds the recall is chance, in either order."""
    f = features(60)
    f.errors[:], f.hidden[:] = f.errors[:, :1], f.hidden[:, :1]
    f.hidden[:] *= np.sign(f.alignment[0, 0])
    for is_leaked in (np.arange(60) < 20, np.arange(60) >= 40):
        chosen = [
            CHOICES[name](FactoredGradients(f.errors, f.hidden, f.target), 15, seed=seed).documents
            for seed in range(200)
        ]
        located = [is_leaked[list(own)].mean() for own in chosen if own]
        assert np.mean(located) == pytest.approx(1 / 3, abs=0.1)
    assert len(set(chosen)) > 50


@pytest.mark.parametrize("name", ["select", "select-plus", "top-k"])
def test_a_seed_decides_nothing_but_ties(name):
    """Where documents differ every seed gives the same selection."""
    f = features(60)
    found = {CHOICES[name](f, 12, seed=seed).documents for seed in range(8)}
    assert len(found) == 1


def product_error(exact, dimension, seed):
    """Root mean square error of the inner products a projection gives, over their own size."""
    projected = projected_factors(exact, dimension, seed)
    wrong, right = (f.inner_products_with(range(f.n_documents)) for f in (projected, exact))
    return np.sqrt(((wrong - right) ** 2).mean() / (right**2).mean())


@pytest.mark.parametrize("n_classes", [2, 3, 14])
def test_a_projection_approaches_the_exact_gradients(n_classes):
    """Sixteen times the dimension has a quarter of the error, and a large one selects as well as
    exact products do; what is exact without products stays exact at any dimension."""
    exact = features(n_classes=n_classes, width=40)
    errors = [np.mean([product_error(exact, d, seed) for seed in range(8)]) for d in (64, 1024)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.35)
    small, large = (projected_factors(exact, d, 0) for d in (n_classes, n_classes << 10))
    assert (small.alignment == exact.alignment).all()
    assert (small.squared_norms == exact.squared_norms).all()

    def reached(seen):
        return greedy.in_order(exact, greedy.select(seen, 10).documents).objective[-1]

    assert reached(large) > 0.98 * reached(exact) > 1.05 * reached(small)


def test_fewer_dimensions_than_classes_are_refused():
    """A projection that could not keep one dimension a class is refused with both numbers."""
    with pytest.raises(InputError, match=r"at least 3.*2"):
        projected_factors(features(), 2, 0)
