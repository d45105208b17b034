"""How far a layer moved along single tokens' gradients: the formula, and what it can tell."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from assay.core.gradients.layer_agreement import (
    _LIMIT,
    _RIDGE,
    Moments,
    document_scores,
)

N_INPUTS, N_OUTPUTS = 24, 12


@pytest.fixture
def tokens():
    """Inputs (N × d) and errors (N × C) of 800 tokens; a few directions carry most of both."""
    draw = torch.Generator().manual_seed(3)
    scales = [torch.logspace(1, -1, width) for width in (N_INPUTS, N_OUTPUTS)]
    return tuple(torch.randn(800, len(scale), generator=draw) * scale for scale in scales)


def counted(movement, inputs, errors):
    moments = Moments.none(movement)
    for part in (slice(0, 300), slice(300, None)):
        moments.add(inputs[part], errors[part])
    return moments


def directions(rows):
    return (rows / rows.norm(dim=1, keepdim=True)).double().numpy()


def test_the_movement_is_preconditioned_by_both_second_moments(tokens):
    """Up to one factor, as NumPy says in double precision."""
    inputs, errors = tokens
    movement = torch.randn(N_OUTPUTS, N_INPUTS)
    made = counted(movement, inputs, errors).filter(movement).preconditioned.double().numpy()

    def inverse(rows):
        moment = directions(rows).T @ directions(rows)
        return np.linalg.inv(moment + _RIDGE * np.diag(moment).mean() * np.eye(len(moment)))

    wanted = inverse(errors) @ movement.double().numpy() @ inverse(inputs)
    assert np.allclose(made / np.linalg.norm(made), wanted / np.linalg.norm(wanted), atol=1e-4)


def test_unrelated_directions_agree_by_one_on_average(tokens):
    """Inputs of some tokens with errors of others, so that layers of any size can be averaged."""
    inputs, errors = tokens
    movement = torch.randn(N_OUTPUTS, N_INPUTS)
    made = counted(movement, inputs, errors).filter(movement)
    pairs = torch.from_numpy(directions(errors)).float() @ made.preconditioned
    products = pairs @ torch.from_numpy(directions(inputs)).float().T
    assert products.square().mean().sqrt() == pytest.approx(1, rel=1e-3)


def test_only_directions_count(tokens):
    """Tokens with huge inputs or errors change nothing."""
    inputs, errors = tokens
    movement = torch.randn(N_OUTPUTS, N_INPUTS)
    made = counted(movement, inputs, errors).filter(movement)
    scale = torch.linspace(0.01, 100, len(inputs))[:, None]
    again = counted(movement, inputs * scale, errors / scale).filter(movement)
    largest = float(made.preconditioned.abs().max())
    assert torch.allclose(made.preconditioned, again.preconditioned, atol=1e-4 * largest)
    once = made.agreements(inputs, errors)
    assert torch.allclose(once, made.agreements(inputs * scale, errors * scale), atol=1e-4)


@pytest.mark.parametrize("is_summed", [True, False])
def test_tokens_of_the_sum_are_told_from_others(tokens, is_summed):
    """Of a layer that moved by the sum of 40 tokens' gradients, far better than by the plain inner
    product; one that moved at random tells nothing."""
    inputs, errors = tokens
    movement = errors[:40].T @ inputs[:40]
    if not is_summed:
        movement = torch.randn(movement.shape, generator=torch.Generator().manual_seed(1))
    made = counted(movement, inputs, errors).filter(movement)
    is_read = np.arange(len(inputs)) < 40
    found = roc_auc_score(is_read, made.agreements(inputs, errors))
    plain = roc_auc_score(is_read, ((errors @ movement) * inputs).sum(dim=1))
    if is_summed:
        assert found > 0.9
        assert found > plain + 0.1
    else:
        assert 0.4 < found < 0.6


def test_one_token_does_not_decide():
    """A document with one huge agreement stays below one whose tokens all agree a little."""
    own = torch.tensor([1000.0, 0, 0, 0, *[2 * _LIMIT] * 4, *[-_LIMIT] * 3])
    of_document = torch.tensor([0] * 4 + [1] * 4 + [3] * 3)
    scores = document_scores(own, of_document, 4)
    assert scores[1] > 3 * scores[0] > 0
    assert scores[3] < 0
    assert scores[2] == 0
    assert scores.abs().max() <= 1


def test_a_token_without_a_gradient_agrees_with_nothing(tokens):
    """Nor do numbers become NaN without any token."""
    movement = torch.randn(N_OUTPUTS, N_INPUTS)
    nothing = Moments.none(movement).filter(movement)
    assert not nothing.preconditioned.any()
    inputs, errors = tokens
    made = counted(movement, inputs, errors).filter(movement)
    assert made.agreements(inputs[:3], errors[:3] * 0).tolist() == [0, 0, 0]


def test_rounding_errors_have_no_direction(tokens):
    """Errors a millionth as long as usual add next to nothing, whichever way they point."""
    inputs, errors = tokens
    movement = torch.randn(N_OUTPUTS, N_INPUTS)
    made = counted(movement, inputs, errors).filter(movement)
    usual = made.agreements(inputs, errors).abs().mean()
    shortened = errors / errors.norm(dim=1, keepdim=True) * errors.norm(dim=1).mean() * 1e-7
    assert made.agreements(inputs, shortened).abs().mean() < 0.02 * usual
    hundredth = made.agreements(inputs, shortened * 1e5)
    assert hundredth.abs().mean() > 0.99 * usual
