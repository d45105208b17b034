"""Gradients of layers inside a model, against autograd on one document at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_models import LABELS, documents, save_bert, save_gpt2, save_llama, tokenizer
from torch.nn import functional
from transformers import AlbertConfig, AlbertForSequenceClassification
from transformers.pytorch_utils import Conv1D

from assay.core.errors import InputError
from assay.core.gradients.all_tokens import TensorSketch
from assay.core.gradients.projection import worth
from assay.core.models.classifier import Classifier
from assay.core.models.examples import TextDocument
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.linear_layers import inner_layers, layer_weight
from assay.core.models.loading import ModelPair, load_classifier, load_language_model
from assay.core.runtime.device import Compute
from assay.core.specs.audit import GradientLayers

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
DIMENSION = 64


def save_albert(folder, seed=0):
    """A model that uses one block twice."""
    torch.manual_seed(seed)
    words = tokenizer(is_causal=False)
    config = AlbertConfig(
        vocab_size=len(words),
        embedding_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        id2label=dict(enumerate(LABELS)),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    AlbertForSequenceClassification(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def classifier(save, words=None):
    return lambda folder, seed: load_classifier(save(folder, seed), 24, EXACT, words)


def language(save):
    return lambda folder, seed: load_language_model(save(folder, seed), 24, EXACT)


KINDS = {
    "bert": classifier(save_bert),
    "albert": classifier(save_albert),
    "gpt2 with label words": classifier(save_gpt2, ("A", "B", "C")),
    "gpt2": language(save_gpt2),
    "llama": language(save_llama),
}


@pytest.fixture(params=KINDS)
def pair(request, tmp_path):
    load = KINDS[request.param]
    return ModelPair(load(tmp_path / "base", 0), load(tmp_path / "final", 1))


def plain(n, seed=3):
    return [TextDocument(text) for text in documents(n, seed)[0]]


def ours(pair, which, texts, n_checkpoints=1):
    """(alignment, squared norms, projected, base losses) in the order of ``texts``."""
    models = InnerGradients(pair, n_checkpoints, which, DIMENSION, seed=0)
    arrays = [np.zeros((len(texts), width)) for width in (n_checkpoints, n_checkpoints, DIMENSION)]
    losses = np.zeros(len(texts))
    for rows in models.of(texts):
        parts = (rows.alignment, rows.squared_norms, rows.arrays["projected:0"])
        for array, values in zip(arrays, parts, strict=True):
            array[rows.indices] = values
        losses[rows.indices] = rows.base_loss
    return *arrays, losses


def training_gradients(pair, names, document):
    """Each layer's gradient of one document's summed loss, by autograd through the model's own
    forward pass; (outputs × inputs), the bias last."""
    model = pair.base.model
    ids = torch.tensor([pair.final.tokenize([document.text])[0]])
    logits = model(input_ids=ids).logits
    if isinstance(pair.base, Classifier):
        own, _ = pair.base.forward(ids, torch.ones_like(ids))
        theirs, _ = pair.final.forward(ids, torch.ones_like(ids))
        loss = functional.cross_entropy(own, theirs.argmax(-1))
    else:
        loss = functional.cross_entropy(logits[0, :-1], ids[0, 1:], reduction="sum")
    gradients = {}
    for name in names:
        layer = model.get_submodule(name)
        parameters = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
        weight, *bias = torch.autograd.grad(loss, parameters, retain_graph=True)
        weight = weight.T if isinstance(layer, Conv1D) else weight
        gradients[name] = torch.cat([weight, *(b[:, None] for b in bias)], dim=1)
    return gradients


def written_out(sketch, gradient):
    """The sketch of a gradient that is formed, (C × d) → (k), an outer product a row at a time."""
    rows = torch.eye(len(gradient))
    return sketch.of_sums(rows, gradient, [len(rows)])[0]


@pytest.mark.parametrize("which", [GradientLayers.LAST_BLOCK, GradientLayers.CHANGED])
def test_they_are_the_training_gradients(pair, which):
    """Alignment, norm and projection over several layers are those of the gradients autograd
    writes out, whatever is padded beside a document."""
    texts = plain(6)
    names = inner_layers(pair.base, pair.final, which)
    alignment, squared_norms, projected, _ = ours(pair, which, texts)
    targets = {
        name: layer_weight(pair.base, name) - layer_weight(pair.final, name) for name in names
    }
    sketches = {
        name: TensorSketch.draw(0, DIMENSION, targets[name].shape, "cpu", number + 1)
        for number, name in enumerate(names)
    }
    for index, document in enumerate(texts):
        gradients = training_gradients(pair, names, document)
        expected = sum(float((g * targets[name]).sum()) for name, g in gradients.items())
        norm = sum(float(g.square().sum()) for g in gradients.values())
        mapped = sum(written_out(sketches[name], g) for name, g in gradients.items())
        assert alignment[index, 0] == pytest.approx(expected, rel=1e-3, abs=1e-5)
        assert squared_norms[index, 0] == pytest.approx(norm, rel=1e-3)
        np.testing.assert_allclose(projected[index], mapped.detach(), rtol=1e-3, atol=1e-4)


def test_layers_before_the_last_are_meant(pair):
    """The last layer is never among them, and the last block holds fewer than all that changed."""
    changed = inner_layers(pair.base, pair.final, GradientLayers.CHANGED)
    block = inner_layers(pair.base, pair.final, GradientLayers.LAST_BLOCK)
    assert set(block) < set(changed)
    last = next(n for n, m in pair.base.model.named_modules() if m is pair.base.last_layer())
    assert last not in changed


def test_only_layers_that_moved_count_as_changed(tmp_path):
    """A layer put back as it was is left out; with none moved the question is refused."""
    base = load_classifier(save_bert(tmp_path / "base", 0), 24, EXACT)
    final = load_classifier(save_bert(tmp_path / "final", 0), 24, EXACT)
    with pytest.raises(InputError, match="changed in fine-tuning"):
        inner_layers(base, final, GradientLayers.CHANGED)
    name = "bert.encoder.layer.0.attention.self.query"
    with torch.no_grad():
        final.model.get_submodule(name).weight.add_(0.1)
    assert inner_layers(base, final, GradientLayers.CHANGED) == (name,)


def test_the_loss_is_that_of_the_model(pair):
    """Base losses are those that prediction gives at the final model's label: nats a target."""
    texts = plain(6)
    _, _, _, losses = ours(pair, GradientLayers.LAST_BLOCK, texts)
    if isinstance(pair.final, Classifier):
        labels = pair.final.predict(pair.final.examples(texts)).choices.tolist()
        texts = [TextDocument(t.text, label) for t, label in zip(texts, labels, strict=True)]
    predictions = pair.base.predict(pair.final.examples(texts))
    np.testing.assert_allclose(losses, predictions.losses / predictions.n_targets, rtol=1e-4)


def test_each_checkpoint_has_its_own_gradient(tmp_path):
    """Further checkpoints add columns; the first is the base's."""
    load = KINDS["bert"]
    pair = ModelPair(load(tmp_path / "base", 0), load(tmp_path / "final", 1))
    one, _, _, _ = ours(pair, GradientLayers.CHANGED, plain(5))
    two, _, _, _ = ours(pair, GradientLayers.CHANGED, plain(5), n_checkpoints=2)
    np.testing.assert_allclose(two[:, 0], one[:, 0], rtol=1e-5)
    assert not np.allclose(two[:, 1], two[:, 0], rtol=1e-2)


def test_the_projection_of_layers_is_worth_its_dimension(tmp_path):
    """Inner products of several layers' gradients err as a dense projection's do; a Kronecker
    projection, which came before, was worth a fraction of its numbers."""
    load = KINDS["bert"]
    pair = ModelPair(load(tmp_path / "base", 0), load(tmp_path / "final", 1))
    texts = plain(60)
    found = []
    for seed in range(8):
        models = InnerGradients(pair, 1, GradientLayers.CHANGED, DIMENSION, seed)
        rows = list(models.of(texts))
        projected = np.concatenate([own.arrays["projected:0"] for own in rows])
        norms = np.concatenate([own.squared_norms[:, 0] for own in rows])
        lengths = np.square(projected, dtype=np.float64).sum(axis=-1)
        found.append(worth(lengths, norms))
    assert np.mean(found) > 0.7 * DIMENSION
