"""The closed form of the last layer's gradient against what autograd says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_models import (
    LABELS,
    documents,
    save_bert,
    save_gpt2,
    save_llama,
    save_llama_classifier,
    save_mean_pooled,
)
from torch.func import functional_call, grad, vmap

from assay.core.models.classifier import LabelWordClassifier, SequenceClassifier
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, load_classifier
from assay.core.models.per_example_gradients import ClassifierGradients
from assay.core.runtime.device import Compute

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
FOLDERS = {
    "bert": save_bert,
    "llama-classifier": save_llama_classifier,
    "mean-pooled-classifier": save_mean_pooled,
    "gpt2-tied": lambda folder, seed=0: save_gpt2(folder, seed, is_tied=True),
    "gpt2-untied": lambda folder, seed=0: save_gpt2(folder, seed, is_tied=False),
    "llama-tied": lambda folder, seed=0: save_llama(folder, seed, is_tied=True),
    "llama-untied": lambda folder, seed=0: save_llama(folder, seed, is_tied=False),
}


def load(kind, folder, seed=0):
    words = ("A", "B", "C") if "classifier" not in kind and kind != "bert" else None
    return load_classifier(FOLDERS[kind](folder, seed), 24, EXACT, words)


@pytest.fixture(params=FOLDERS)
def pair(request, tmp_path):
    base = load(request.param, tmp_path / "base", seed=0)
    final = load(request.param, tmp_path / "final", seed=1)
    return ModelPair(base, final)


def closed_form(pair, texts):
    """Per-example gradients from the factors, (n × C × width), and their pseudolabels."""
    gradients = np.zeros((len(texts), *pair.base.head().shape), np.float32)
    pseudolabels = np.zeros(len(texts), np.int64)
    for rows in ClassifierGradients(pair).of([TextDocument(text) for text in texts]):
        errors, hidden = rows.arrays["errors:0"], rows.arrays["hidden:0"]
        gradients[rows.indices] = np.einsum("nc,nd->ncd", errors, hidden)
        pseudolabels[rows.indices] = rows.pseudolabel
    return gradients, pseudolabels


def training_gradient(classifier, text, label):
    """The gradient that one training step on this document gives the last layer: autograd through
    the model's own forward pass, the last layer's parameters made its own where they are tied."""
    model = classifier.model
    batch = classifier.tokenizer(text, truncation=True, max_length=24, return_tensors="pt")
    if isinstance(classifier, SequenceClassifier):
        head = {
            name: parameter.detach().requires_grad_()
            for name, parameter in model.named_parameters()
            if name.startswith(classifier.head_name)
        }
        inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
        logits = functional_call(model, head, (), inputs).logits
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([label]))
        gradients = torch.autograd.grad(loss, list(head.values()))
        columns = [g if g.dim() == 2 else g[:, None] for g in gradients]
        return torch.cat(columns, dim=1).numpy()
    assert isinstance(classifier, LabelWordClassifier)
    # The document followed by its label word, as in training; the label's loss is read at the
    # position before it.
    word_ids = torch.tensor(
        [classifier.tokenizer(" " + w, add_special_tokens=False)["input_ids"][0] for w in "ABC"]
    )
    ids = torch.cat([batch["input_ids"], word_ids[label][None, None]], dim=1)
    weight = model.get_output_embeddings().weight.detach().clone().requires_grad_()
    states = model.base_model(input_ids=ids).last_hidden_state.detach()
    logits = (states @ weight.T)[:, :-1]
    predicting = logits[:, -1][:, word_ids]
    loss = torch.nn.functional.cross_entropy(predicting, torch.tensor([label]))
    return torch.autograd.grad(loss, weight)[0][word_ids].numpy()


def test_closed_form_is_the_training_gradient(pair):
    """δ ⊗ h is what autograd gives the last layer, one document at a time."""
    texts, _ = documents(12, seed=3)
    gradients, pseudolabels = closed_form(pair, texts)
    for text, label, gradient in zip(texts, pseudolabels, gradients, strict=True):
        expected = training_gradient(pair.base, text, int(label))
        assert np.allclose(gradient, expected, atol=1e-6)


def test_closed_form_is_vmap(pair):
    """δ ⊗ h is what torch.func.vmap over a per-example loss gives, for the whole batch at once."""
    texts, _ = documents(20, seed=4)
    gradients, pseudolabels = closed_form(pair, texts)
    with torch.no_grad():
        hidden = pair.base.hidden(*pair.base.pad(pair.base.tokenize(texts)))

    def loss(head, state, label):
        return torch.nn.functional.cross_entropy((head @ state)[None], label[None])

    expected = vmap(grad(loss), in_dims=(None, 0, 0))(
        pair.base.head().detach(), hidden, torch.from_numpy(pseudolabels)
    )
    assert np.allclose(gradients, expected.numpy(), atol=1e-6)


def test_another_label_gives_another_gradient(pair):
    """The comparison has teeth: with the wrong label the training gradient differs."""
    texts, _ = documents(1, seed=5)
    gradients, pseudolabels = closed_form(pair, texts)
    wrong = training_gradient(pair.base, texts[0], (int(pseudolabels[0]) + 1) % 3)
    assert not np.allclose(gradients[0], wrong, atol=1e-3)


def test_padding_and_batch_change_nothing(pair):
    """A document alone and the same document among longer ones have the same gradient."""
    texts, _ = documents(16, seed=6)
    together, _ = closed_form(pair, texts)
    alone = np.concatenate([closed_form(pair, [text])[0] for text in texts])
    assert np.allclose(together, alone, atol=1e-6)


def test_target_points_against_training(tmp_path):
    """One plain gradient step moves the last layer so that the gradient aligns with the target."""
    base, final = load("bert", tmp_path / "a"), load("bert", tmp_path / "b")
    texts, names = documents(8, seed=7)
    labels = torch.tensor([LABELS.index(name) for name in names])
    logits, _ = final.forward(*final.pad(final.tokenize(texts)))
    torch.nn.functional.cross_entropy(logits, labels).backward()
    with torch.no_grad():
        for parameter in final.model.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    target = ClassifierGradients(ModelPair(base, final)).stored_targets[0]
    gradients = np.stack(
        [training_gradient(base, t, int(y)) for t, y in zip(texts, labels, strict=True)]
    ).sum(0)
    cosine = (gradients * target).sum() / np.linalg.norm(gradients) / np.linalg.norm(target)
    assert cosine == pytest.approx(1, abs=1e-4)


def test_synthetic_checkpoints_interpolate(pair):
    """Checkpoint 0 is the base model, checkpoint j lies j/J of the way to the final one."""
    models = ClassifierGradients(pair, n_checkpoints=4)
    name, first = next(iter(pair.base.model.named_parameters()))
    last = dict(pair.final.model.named_parameters())[name]
    for step, checkpoint in enumerate(models._checkpoints):
        between = dict(checkpoint.model.named_parameters())[name]
        assert torch.allclose(between, first + step / 4 * (last - first), atol=1e-6)
    texts, _ = documents(6, seed=8)
    rows = next(models.of([TextDocument(text) for text in texts]))
    assert rows.alignment.shape == (len(rows.indices), 4)
    assert not np.allclose(rows.arrays["errors:0"], rows.arrays["errors:3"])


def test_stored_products_are_those_of_the_gradients(pair):
    """Alignment and squared norm beside the factors are those of the gradients written out."""
    texts, _ = documents(9, seed=9)
    gradients, _ = closed_form(pair, texts)
    models = ClassifierGradients(pair)
    (rows,) = models.of([TextDocument(text) for text in texts])
    target = models.stored_targets[0]
    own = gradients[rows.indices]
    assert np.allclose(rows.alignment[:, 0], (own * target).sum((1, 2)), rtol=1e-4, atol=1e-7)
    assert np.allclose(rows.squared_norms[:, 0], (own**2).sum((1, 2)), rtol=1e-4)
    assert models.target_norms[0] == pytest.approx(np.linalg.norm(target))
