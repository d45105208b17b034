"""`assay.select` on gradients of one's own: the paper's choice, the same for NumPy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from assay import InputError, select
from assay.core.gradients.features import FactoredGradients


@pytest.fixture
def gradients():
    """60 gradients of 12 dimensions; the target is the sum of the first 8."""
    rows = np.random.default_rng(3).normal(size=(60, 12))
    return rows, rows[:8].sum(axis=0)


def cosine(one, other):
    return one @ other / np.linalg.norm(one) / np.linalg.norm(other)


def by_brute_force(rows, target, budget):
    """SELECT as the paper has it: try every document at every step."""
    chosen, objective = [], []
    for _ in range(budget):
        summed = rows[chosen].sum(axis=0)
        left = [i for i in range(len(rows)) if i not in chosen]
        chosen.append(max(left, key=lambda i: cosine(summed + rows[i], target)))
        objective.append(cosine(rows[chosen].sum(axis=0), target))
    return chosen, objective


def test_the_choice_is_the_paper_s(gradients):
    """Each step adds the document that raises the cosine most; gains add up to the objective."""
    rows, target = gradients
    found = select(rows, 10, target)
    chosen, objective = by_brute_force(rows, target, 10)
    assert list(found.documents) == chosen
    np.testing.assert_allclose(found.objective, objective, rtol=1e-9)
    np.testing.assert_allclose(np.cumsum(found.gains), objective, rtol=1e-9)


@pytest.mark.parametrize("strategy", ["select", "select-plus", "top-k"])
def test_torch_and_numpy_choose_alike(gradients, strategy):
    """The same gradients as arrays of either library, or a mixture, give the same selection."""
    rows, target = gradients
    expected = select(rows, 10, target, strategy=strategy)
    tensors = torch.tensor(rows, requires_grad=True), torch.tensor(target)
    for given in (tensors, (tensors[0], target), (rows, tensors[1]), (rows.tolist(), target)):
        found = select(given[0], 10, given[1], strategy=strategy)
        assert found.documents == expected.documents
        np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-9)


def test_half_precision_is_computed_in_single(gradients):
    """Half precision gives what its values give in single precision, not an overflow."""
    rows, target = (values * 300 for values in gradients)
    half = torch.tensor(rows, dtype=torch.bfloat16)
    expected = select(half.float(), 5, torch.tensor(target, dtype=torch.float32))
    assert select(half, 5, target).documents == expected.documents
    assert select(rows.astype(np.float16), 5, target).objective[-1] > 0.9


def test_features_of_an_audit_know_their_target():
    """Classification factors choose as their outer products written out do."""
    rng = np.random.default_rng(5)
    errors, hidden = rng.normal(size=(1, 40, 3)), rng.normal(size=(1, 40, 4))
    target = rng.normal(size=(1, 3, 4))
    whole = np.einsum("nc,nd->ncd", errors[0], hidden[0]).reshape(40, -1)
    features = FactoredGradients(errors, hidden, target)
    assert select(features, 7).documents == select(whole, 7, target.reshape(-1)).documents
    with pytest.raises(InputError, match="remove the argument"):
        select(features, 7, target)


def test_a_selection_shows_itself_in_one_line(gradients):
    """The repr says how many, the first few and the cosine, and not 500 numbers."""
    found = select(gradients[0], 20, gradients[1])
    first = ", ".join(map(str, found.documents[:5]))
    assert repr(found) == f"Selection(20 documents: {first}, …; cosine {found.objective[-1]:.4f})"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gradients": np.ones(5)}, r"\(documents, dimensions\), but got \(5\)"),
        ({"gradients": np.ones((0, 12))}, r"but got \(0, 12\)"),
        ({"gradients": np.array([["a"] * 12])}, "real numbers"),
        ({"target": None}, "a target for your own gradients"),
        ({"target": np.ones(11)}, r"shape \(12,\), but got \(11\)"),
        ({"target": np.zeros(12)}, "not zero"),
        ({"target": np.full(12, np.nan)}, "finite numbers in target"),
        ({"budget": 0}, "at least 1"),
        ({"budget": 2.5}, "whole number"),
        ({"strategy": "p-min"}, "among select, select-plus, top-k"),
    ],
)
def test_what_does_not_fit_is_bad_input(gradients, change, message):
    """Shapes, values, budgets and strategies that cannot be used are named."""
    given = {"gradients": gradients[0], "budget": 5, "target": gradients[1]} | change
    with pytest.raises(InputError, match=message):
        select(**given)
