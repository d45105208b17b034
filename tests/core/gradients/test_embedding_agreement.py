"""How much of a row's movement a document's gradients explain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from assay.core.gradients.embedding_agreement import (
    agreement,
    explained,
    per_token,
    unit,
    whitening,
    without_drift,
)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_fit_is_that_of_non_negative_least_squares():
    """Trying every subset of checkpoints gives SciPy's solution."""
    directions, wanted = unit(drawn(50, 4, 8)).double(), unit(drawn(50, 8, seed=1)).double()
    inner = torch.einsum("rid,rjd->rij", directions, directions)
    along = torch.einsum("rid,rd->ri", directions, wanted)
    ours = explained(inner, along)
    for row in range(50):
        _, left = nnls(directions[row].numpy().T, wanted[row].numpy())
        assert ours[row] == pytest.approx(1 - left**2, abs=1e-6)


def test_a_row_that_moved_against_its_gradients_signs_agrees_fully():
    """Steps of one length at two checkpoints, as Adam makes them, are explained; turned round they
    are not, and a row that did not move says nothing."""
    early, late = drawn(20, 64), drawn(20, 64, seed=1)
    moved = -(2 * early.sign() + late.sign())
    identity = torch.eye(64)
    assert torch.allclose(agreement([early, late], moved, identity), torch.ones(20), atol=1e-4)
    assert (agreement([early, late], -moved, identity) < 0).all()
    assert not agreement([early, late], 0 * moved, identity).any()
    with pytest.raises(ValueError, match="1 to 6 checkpoints"):
        agreement([early] * 7, moved, identity)


def test_what_all_rows_share_is_no_agreement():
    """A direction in which every row moved counts little after whitening, and much without."""
    shared = drawn(1, 64)
    movements = drawn(4000, 64, seed=1) + 4 * shared
    strangers = drawn(4000, 64, seed=2) - 4 * shared
    plain = agreement([strangers], movements, torch.eye(64))
    white = agreement([strangers], movements, whitening(movements))
    assert plain.mean() > 0.6
    assert white.mean() < 0.35 * plain.mean()
    assert white.std() < plain.mean()


def test_what_a_rows_start_predicts_is_removed():
    """A movement that follows from where rows started leaves little; what starts don't tell
    stays."""
    start, own = drawn(4000, 32), drawn(4000, 32, seed=1)
    drift = start @ drawn(32, 32, seed=2) + drawn(1, 32, seed=3)
    left = without_drift(drift + own, start)
    assert float(torch.linalg.vector_norm(left - own)) < 0.15 * float(own.norm())
    assert float(without_drift(drift, start).norm()) < 0.02 * float(drift.norm())
    assert torch.allclose(without_drift(own, torch.zeros(4000, 32)), own - own.mean(dim=0))


def test_whitening_makes_directions_alike():
    """Whitened rows have a second moment with eigenvalues near one another."""
    rows = drawn(5000, 16) * torch.linspace(1, 20, 16)
    moment = np.linalg.eigvalsh(np.cov((unit(rows) @ whitening(rows)).numpy().T))
    before = np.linalg.eigvalsh(np.cov(unit(rows).numpy().T))
    assert moment[-1] / moment[0] < 0.1 * before[-1] / before[0]


def test_positions_are_summed_by_token_of_a_document():
    """A token that occurs twice has one row; padding has none; documents stay apart."""
    gradients = torch.arange(12.0).reshape(2, 3, 2)
    ids, mask = torch.tensor([[5, 3, 5], [3, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    documents, tokens, sums = per_token(gradients, ids, mask)
    assert documents.tolist() == [0, 0, 1]
    assert tokens.tolist() == [3, 5, 3]
    assert sums.tolist() == [[2, 3], [0 + 4, 1 + 5], [6, 7]]
