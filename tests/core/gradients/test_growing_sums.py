"""The exact length of sums of gradients as they grow, against gradients written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_models import documents, save_bert, save_gpt2, save_llama

from assay.core.gradients.growing_sums import GrowingSum, TokenStates, squared_norms_of_sums
from assay.core.models.examples import TextDocument
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.loading import ModelPair, load_classifier, load_language_model
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.runtime.device import Compute
from assay.core.specs.audit import GradientLayers

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
SUMS = [
    GrowingSum((5, 0, 3, 1), (1.0, 1.0, 1.0, 1.0), (1, 2, 3, 4)),
    GrowingSum((2, 3, 4), (0.5, 0.0, 2.5), (1, 3)),
    GrowingSum((1,), (1.0,), (1,)),
    GrowingSum(
        (5, 2, 0),
        (0.2, 0.0, 1.1),
        (1, 2, 3),
        np.array([[1.0, 0.0, 0.0], [0.4, 0.9, 0.0], [0.2, 0.0, 1.1]]),
    ),
]


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    place = tmp_path_factory.mktemp("pair")
    return ModelPair(
        *(load_language_model(save_llama(place / f"{seed}", seed), 24, EXACT) for seed in (0, 1))
    )


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    place = tmp_path_factory.mktemp("pair")
    return ModelPair(
        *(load_language_model(save_gpt2(place / f"{seed}", seed), 24, EXACT) for seed in (0, 1))
    )


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    place = tmp_path_factory.mktemp("pair")
    return ModelPair(
        *(load_classifier(save_bert(place / f"{seed}", seed), 24, EXACT) for seed in (0, 1))
    )


def texts(n=6):
    return [TextDocument(text) for text in documents(n, 3)[0]]


def squared_lengths(sums, gradients):
    """By adding up what is written out, (sums × sizes)."""
    grown = [
        [
            (np.array(own.weights) if own.refitted is None else own.refitted[number])[:n]
            @ gradients[list(own.documents[:n])]
            for number, n in enumerate(own.sizes)
        ]
        for own in sums
    ]
    return [[float(total @ total) for total in own] for own in grown]


def by_autograd(model, batch, cap=None):
    """Each document's gradient of the last layer, flattened, with logits capped softly."""
    weight = model.head().detach().clone().requires_grad_()
    found = []
    for document in batch:
        with torch.no_grad():
            hidden, targets = model.predicting(model.examples([document]))
        logits = hidden @ weight.T
        logits = logits if cap is None else cap * torch.tanh(logits / cap)
        loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        found.append(torch.autograd.grad(loss, weight)[0].flatten().numpy())
    return np.stack(found)


def found_by(models, batch, sums):
    found = dict(models.squared_norms_of_sums(batch, sums))
    return [found[number] for number in range(len(sums))]


def test_sums_are_those_of_the_written_out_gradients(language):
    """Of a language model at every size, weighted or not, at each checkpoint."""
    models = LanguageGradients(language, 2, 16, 0)
    found = found_by(models, texts(), SUMS)
    for step, checkpoint in enumerate(models._checkpoints):
        expected = squared_lengths(SUMS, by_autograd(checkpoint, texts()))
        for own, wanted in zip(found, expected, strict=True):
            np.testing.assert_allclose(own[step], wanted, rtol=1e-4)


@pytest.mark.parametrize("cap", [None, 3.0])
def test_rows_taken_one_at_a_time_change_nothing(language, cap):
    """However many rows of the layer fit, and with logits capped softly, lengths are the same."""
    batch, model = texts(), language.base
    examples = model.examples(batch)
    lengths = [example.n_next_tokens for example in examples]
    with torch.inference_mode():
        hidden, targets = model.predicting(examples)
        states = TokenStates.of(hidden, targets, lengths, model.head(), cap, 7)
        one, all_rows = (
            squared_norms_of_sums([states], SUMS, model.head(), most, cap) for most in (1, 1 << 24)
        )
    expected = squared_lengths(SUMS, by_autograd(model, batch, cap))
    for first, second, wanted in zip(one, all_rows, expected, strict=True):
        np.testing.assert_allclose(first, wanted, rtol=1e-4)
        np.testing.assert_allclose(second, wanted, rtol=1e-4)


def test_sums_that_do_not_fit_together_are_taken_apart(language, monkeypatch):
    """With room for one sum's documents at a time each is as it is with room for all."""
    together = found_by(LanguageGradients(language, 1, 16, 0), texts(), SUMS)
    monkeypatch.setattr("assay.core.models.per_example_gradients._MAX_STATES", 1)
    apart = found_by(LanguageGradients(language, 1, 16, 0), texts(), SUMS)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_inner_layers_add_up_over_layers(gpt2):
    """A sum over inner layers is of all of them, biases too: of one document, its own norm; of
    several, what their products, by a large projection, say."""
    models = InnerGradients(gpt2, 1, GradientLayers.CHANGED, 64, 0)
    batch = texts()
    norms = np.zeros(len(batch))
    for rows in models.of(batch):
        norms[rows.indices] = rows.squared_norms[:, 0]
    alone = [GrowingSum((i,), (2.0,), (1,)) for i in range(len(batch))]
    twice = [GrowingSum((0, 0), (1.0, 1.0), (1, 2))]
    found = found_by(models, batch, [*alone, *twice])
    np.testing.assert_allclose([own[0, 0] for own in found[:-1]], 4 * norms, rtol=1e-4)
    np.testing.assert_allclose(found[-1][0], [norms[0], 4 * norms[0]], rtol=1e-4)
    refitted = np.array([[3.0, 0.0], [0.5, 0.0]])
    (fitted,) = found_by(models, batch, [GrowingSum((0, 1), (0.5, 0.0), (1, 2), refitted)])
    np.testing.assert_allclose(fitted[0], [9 * norms[0], norms[0] / 4], rtol=1e-4)
    both = GrowingSum((0, 1), (1.0, 1.0), (2,))
    apart = GrowingSum((0, 1), (1.0, -1.0), (2,))
    (plus,), (minus,) = (own[0] for own in found_by(models, batch, [both, apart]))
    assert plus + minus == pytest.approx(2 * (norms[0] + norms[1]), rel=1e-4)


def test_a_classifier_adds_up_its_factors(classifiers):
    """The same of a classifier, whose gradients are kept as factors."""
    models, batch = ClassifierGradients(classifiers), texts()
    gradients = np.zeros((len(batch), models.stored_targets[0].size))
    for rows in models.of(batch):
        own = np.einsum("nc,nd->ncd", rows.arrays["errors:0"], rows.arrays["hidden:0"])
        gradients[rows.indices] = own.reshape(len(own), -1)
    for own, wanted in zip(
        found_by(models, batch, SUMS), squared_lengths(SUMS, gradients), strict=True
    ):
        np.testing.assert_allclose(own[0], wanted, rtol=1e-4)


def test_the_cosine_is_that_of_the_sum(language):
    """Length and alignment together give the cosine with the target, exactly."""
    models, batch = LanguageGradients(language, 1, 16, 0), texts()
    total = by_autograd(language.base, batch).sum(axis=0)
    target = (language.base.head() - language.final.head()).detach().flatten().numpy()
    expected = total @ target / np.linalg.norm(total) / np.linalg.norm(target)
    assert models.cosine_of_sum(batch) == pytest.approx(float(expected), rel=1e-3)
