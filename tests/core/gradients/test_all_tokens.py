"""A language model's last-layer gradients over all target tokens, against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_models import documents, save_gpt2, save_llama
from torch.func import grad, vmap

from assay.core.gradients.all_tokens import TensorSketch, token_gradients
from assay.core.gradients.projection import (
    folded,
    random_order,
    random_signs,
    worth,
)
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, load_language_model
from assay.core.models.per_example_gradients import LanguageGradients
from assay.core.runtime.device import Compute

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
FOLDERS = {
    "gpt2-tied": lambda folder, seed: save_gpt2(folder, seed, is_tied=True),
    "gpt2-untied": lambda folder, seed: save_gpt2(folder, seed, is_tied=False),
    "llama-tied": lambda folder, seed: save_llama(folder, seed, is_tied=True),
    "llama-untied": lambda folder, seed: save_llama(folder, seed, is_tied=False),
}
DIMENSION = 256


@pytest.fixture(params=FOLDERS)
def pair(request, tmp_path):
    base, final = (
        load_language_model(FOLDERS[request.param](tmp_path / f"{seed}", seed), 24, EXACT)
        for seed in (0, 1)
    )
    return ModelPair(base, final)


def plain(n, seed):
    return [TextDocument(text) for text in documents(n, seed)[0]]


def prompted(n, seed):
    """Documents whose first half, at a space, is a prompt."""
    texts = documents(n, seed)[0]
    return [TextDocument(t, None, t.index(" ", len(t) // 2)) for t in texts]


def ours(pair, texts, n_checkpoints=1):
    """(losses, alignment, squared norms, projected) in the order of ``texts``."""
    models = LanguageGradients(pair, n_checkpoints, DIMENSION, seed=0)
    result = [np.zeros((len(texts), *shape)) for shape in ((), (n_checkpoints,), (n_checkpoints,))]
    projected = np.zeros((len(texts), DIMENSION))
    for rows in models.of(texts):
        for array, values in zip(
            result, (rows.base_loss, rows.alignment, rows.squared_norms), strict=True
        ):
            array[rows.indices] = values
        projected[rows.indices] = rows.arrays["projected:0"]
    return *result, projected


def written_out(seed, shape, dimension):
    """A tensor sketch entry by entry: sign s₁(i)s₂(j) into place b₁(i) + b₂(j) modulo k."""
    places, signs = [], []
    for side, n in zip(("errors", "hidden"), shape, strict=True):
        order = random_order(seed, side, -(-n // dimension) * dimension)
        places.append(np.argsort(order)[:n] % dimension)
        signs.append(random_signs(seed, side, 1, n)[0])
    into = np.add.outer(*places) % dimension
    sign = np.multiply.outer(*signs)
    return lambda matrix: np.bincount(into.ravel(), (matrix * sign).ravel(), dimension)


def training_gradient(model, document):
    """The last layer's gradient of the summed loss, by autograd through the model's own forward
    pass, the output layer made its own where it is tied."""
    (example,) = model.examples([document])
    ids = torch.tensor([example.token_ids])
    weight = model.model.get_output_embeddings().weight.detach().clone().requires_grad_()
    states = model.model.base_model(input_ids=ids).last_hidden_state.detach()
    labels = ids.clone()
    labels[:, : example.first_target] = -100
    logits = (states @ weight.T)[0, :-1]
    loss = torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum")
    return torch.autograd.grad(loss, weight)[0], float(loss.detach()), example.n_next_tokens


@pytest.mark.parametrize("texts", [plain(8, 3), prompted(8, 4)], ids=["plain", "prompted"])
def test_closed_form_is_the_training_gradient(pair, texts):
    """Loss, alignment, norm and projection are those of the gradient autograd writes out."""
    losses, alignment, squared_norms, projected = ours(pair, texts)
    target = (pair.base.head() - pair.final.head()).detach()
    sketch = written_out(0, target.shape, DIMENSION)
    for row, document in enumerate(texts):
        gradient, loss, n_targets = training_gradient(pair.base, document)
        assert losses[row] == pytest.approx(loss / n_targets, rel=1e-5)
        assert alignment[row, 0] == pytest.approx(float((gradient * target).sum()), rel=1e-3)
        assert squared_norms[row, 0] == pytest.approx(float((gradient**2).sum()), rel=1e-4)
        assert np.allclose(projected[row], sketch(gradient.numpy()), atol=1e-4)


def test_the_prompt_is_not_scored(pair):
    """A prompt changes the gradient: scoring the whole text gives another one."""
    texts = prompted(4, 5)
    whole = [TextDocument(document.text) for document in texts]
    assert (ours(pair, texts)[2] < ours(pair, whole)[2]).all()


def test_closed_form_is_vmap(pair):
    """Over documents of one length it is what vmap over a per-example loss gives."""
    head = pair.base.head().detach()
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(6, 5, head.shape[1], generator=generator)
    targets = torch.randint(len(head), (6, 5), generator=generator)

    def loss(weight, states, wanted):
        return torch.nn.functional.cross_entropy(states @ weight.T, wanted, reduction="sum")

    expected = vmap(grad(loss), in_dims=(None, 0, 0))(head, hidden, targets)
    sketch = TensorSketch.draw(0, DIMENSION, head.shape, "cpu")
    found = token_gradients(
        hidden.flatten(0, 1), targets.flatten(), [5] * 6, head, head, sketch, 1 << 20
    )
    assert torch.allclose(found.squared_norms, (expected**2).sum((1, 2)).double(), rtol=1e-4)
    along = (expected * head).sum((1, 2)).double()
    assert torch.allclose(found.alignment, along, rtol=1e-3, atol=1e-4)


def test_padding_batch_and_chunks_change_nothing(pair):
    """A document alone, among longer ones, and in the smallest chunks has the same gradient."""
    texts = plain(12, 6)
    together = ours(pair, texts)
    alone = [np.concatenate(part) for part in zip(*(ours(pair, [t]) for t in texts), strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert np.allclose(one, other, rtol=1e-4, atol=1e-4)
    examples = pair.base.examples(texts)
    with torch.no_grad():
        hidden, targets = pair.base.predicting(examples)
        head, lengths = pair.base.head(), [example.n_next_tokens for example in examples]
        sketch = TensorSketch.draw(0, DIMENSION, head.shape, "cpu")
        small, large = (
            token_gradients(hidden, targets, lengths, head, head, sketch, max_floats)
            for max_floats in (1, 1 << 24)
        )
    assert torch.allclose(small.squared_norms, large.squared_norms, rtol=1e-5)
    assert torch.allclose(small.projected, large.projected, atol=1e-4)


def test_checkpoints_lie_between(pair):
    """With two checkpoints the first is the base's gradient and the second another one."""
    texts = plain(5, 7)
    _, alignment, norms, _ = ours(pair, texts, n_checkpoints=2)
    _, alone, norms_alone, _ = ours(pair, texts)
    assert np.allclose(alignment[:, 0], alone[:, 0])
    assert np.allclose(norms[:, 0], norms_alone[:, 0])
    assert not np.allclose(norms[:, 1], norms[:, 0], rtol=1e-3)


def test_projection_is_prefix_stable():
    """A larger projection's first rows and columns are the smaller one; another seed's are not."""
    small, large = random_signs(3, "errors", 5, 70), random_signs(3, "errors", 9, 200)
    assert np.array_equal(small, large[:5, :70])
    assert set(np.unique(large)) == {-1, 1}
    assert not np.array_equal(large, random_signs(4, "errors", 9, 200))
    assert not np.array_equal(large, random_signs(3, "hidden", 9, 200))


def test_projected_products_estimate_the_true_ones():
    """The mean over seeds converges to the inner product, the error shrinks with the dimension, and
    a Kronecker projection, which came before, errs by far more."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 40, 12))
    first += 3 * rng.normal(size=12)  # hidden states share a direction
    second = first + second
    true = float((first * second).sum())
    lengths = np.linalg.norm(first) * np.linalg.norm(second)

    def kronecker(seed, dimension):
        k = m = round(dimension**0.5)
        left, right = random_signs(seed, "errors", k, 40), random_signs(seed, "hidden", m, 12)
        return lambda matrix: (left @ matrix @ right.T).ravel() / dimension**0.5

    def sketch(seed, dimension):
        return written_out(seed, first.shape, dimension)

    errors = {}
    for kind in (kronecker, sketch):
        for dimension in (64, 1024):
            maps = [kind(seed, dimension) for seed in range(60)]
            estimates = [float((own(first) * own(second)).sum()) for own in maps]
            errors[kind, dimension] = np.std(estimates) / lengths
            standard_error = np.std(estimates) / len(estimates) ** 0.5
            assert abs(np.mean(estimates) - true) < 4 * standard_error
        assert errors[kind, 1024] < 0.5 * errors[kind, 64]
    assert errors[sketch, 1024] < 0.5 * errors[kronecker, 1024]


def test_a_folded_sketch_is_the_smaller_projection():
    """Places that are equal modulo a divisor add up to the projection to so many; others are
    refused."""
    gradient = np.random.default_rng(0).normal(size=(30, 9))
    large = written_out(0, (30, 9), 24)(gradient)
    order, signs = random_order(0, "errors", 48), random_signs(0, "errors", 1, 30)[0]
    expected = np.zeros(8)
    hidden_order, hidden_signs = random_order(0, "hidden", 24), random_signs(0, "hidden", 1, 9)[0]
    places, hidden_places = np.argsort(order) % 24, np.argsort(hidden_order) % 24
    for row in range(30):
        for column in range(9):
            place = (places[row] + hidden_places[column]) % 8
            expected[place] += signs[row] * hidden_signs[column] * gradient[row, column]
    assert np.allclose(folded(large[None], 8)[0], expected)
    with pytest.raises(ValueError, match="does not contain one"):
        folded(large[None], 7)


def test_the_worth_of_a_projection_is_the_dense_dimension_that_errs_alike():
    """Dense projections of known dimension are found to be worth about it, exact ones nothing."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(4000, 200))
    squared_norms = (vectors**2).sum(axis=1)
    for dimension in (32, 128):
        # A projection of its own for each, so that the errors are independent.
        dense = (
            np.stack([vector @ rng.choice([-1.0, 1.0], (200, dimension)) for vector in vectors])
            / dimension**0.5
        )
        assert worth((dense**2).sum(axis=1), squared_norms) == pytest.approx(dimension, rel=0.1)
    assert worth(np.zeros(3), np.zeros(3)) is None
