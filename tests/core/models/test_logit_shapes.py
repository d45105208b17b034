"""Scaled and softly capped logits have the closed form's exact gradient; the rest is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tiny_models import SIZES, documents, tokenizer
from transformers import (
    CodeGenConfig,
    CodeGenForCausalLM,
    Cohere2Config,
    Cohere2ForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    FalconH1Config,
    FalconH1ForCausalLM,
    FNetConfig,
    FNetForSequenceClassification,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GraniteConfig,
    GraniteForCausalLM,
    Llama4ForCausalLM,
    Llama4TextConfig,
    NystromformerConfig,
    NystromformerForSequenceClassification,
    RwkvConfig,
    RwkvForCausalLM,
    XLNetConfig,
    XLNetForSequenceClassification,
)

from assay.core.errors import InputError
from assay.core.models.classifier import LabelWordClassifier
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_pair
from assay.core.models.logit_shape import LogitShape
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.models.token_log_probs import token_evidence
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
# Caps and scales far from 1 and logits that reach them: left out they would show.
GEMMA = {**SIZES, "head_dim": 8, "final_logit_softcapping": 2.0, "initializer_range": 0.5}
MAMBA = {"mamba_d_ssm": 16, "mamba_n_heads": 2, "mamba_d_head": 8, "mamba_d_state": 4}
MAMBA |= {**SIZES, "lm_head_multiplier": 3.0}
SHAPED = {
    "gemma2": (Gemma2Config, Gemma2ForCausalLM, GEMMA),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM, GEMMA),
    "cohere": (CohereConfig, CohereForCausalLM, {**SIZES, "logit_scale": 0.25}),
    "cohere2": (Cohere2Config, Cohere2ForCausalLM, {**SIZES, "logit_scale": 4.0}),
    "granite": (GraniteConfig, GraniteForCausalLM, {**SIZES, "logits_scaling": 8.0}),
    "falcon-h1": (FalconH1Config, FalconH1ForCausalLM, MAMBA),
}


def save(folder, config_class, model_class, sizes, seed):
    torch.manual_seed(seed)
    words = tokenizer(is_causal=True)
    config = config_class(
        **sizes, vocab_size=len(words), pad_token_id=0, eos_token_id=0, bos_token_id=0
    )
    model_class(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def pair_of(tmp_path, kind, task, words=None):
    folders = [save(tmp_path / str(seed), *SHAPED[kind], seed) for seed in (0, 1)]
    return load_pair(*folders, task, 24, EXACT, words)


def parted(model):
    """The model with an output layer of its own, so that autograd tells its gradient apart."""
    output = model.get_output_embeddings()
    output.weight = torch.nn.Parameter(output.weight.detach().clone())
    return output.weight


@pytest.mark.parametrize("kind", SHAPED)
def test_language_gradients_are_autograds(tmp_path, kind):
    """Norm, alignment, projection and loss of every document are those of the model's own loss."""
    pair = pair_of(tmp_path, kind, Task.SFT)
    shape = LogitShape.of(pair.base.model)
    assert (shape.scale, shape.cap) != (1.0, None)
    texts, _ = documents(7, seed=3)
    models = LanguageGradients(pair, 1, 1 << 12, seed=0)
    target = (pair.base.head() - pair.final.head()).detach().double()
    found = {}
    for rows in list(models.of([TextDocument(text) for text in texts])):
        for at, index in enumerate(rows.indices):
            found[index] = (rows.base_loss[at], rows.squared_norms[at, 0], rows.alignment[at, 0])
    weight = parted(pair.base.model)
    for index, text in enumerate(texts):
        ids = pair.base.tokenizer(text, return_tensors="pt")["input_ids"]
        loss = pair.base.model(input_ids=ids, labels=ids).loss
        gradient = torch.autograd.grad(loss * (ids.shape[1] - 1), weight)[0].double()
        base_loss, norm, alignment = found[index]
        assert np.isclose(base_loss, loss.item(), rtol=1e-4)
        assert np.isclose(norm, float(gradient.square().sum()), rtol=1e-4)
        assert np.isclose(alignment, float((gradient * target).sum()), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", SHAPED)
def test_label_word_gradients_are_autograds(tmp_path, kind):
    """δ ⊗ h of a classifier on label words is the gradient of the model's own logits."""
    pair = pair_of(tmp_path, kind, Task.CLASSIFICATION, ("A", "B", "C"))
    assert isinstance(pair.base, LabelWordClassifier)
    texts, _ = documents(5, seed=4)
    (rows,) = ClassifierGradients(pair).of([TextDocument(text) for text in texts])
    word_ids = pair.base._label_ids
    weight = parted(pair.base.model)
    for at, index in enumerate(rows.indices):
        ids = pair.base.tokenizer(texts[index], return_tensors="pt")["input_ids"]
        logits = pair.base.model(input_ids=ids).logits[:, -1, word_ids]
        label = torch.tensor([int(rows.pseudolabel[at])])
        loss = torch.nn.functional.cross_entropy(logits, label)
        expected = torch.autograd.grad(loss, weight)[0][word_ids]
        ours = np.outer(rows.arrays["errors:0"][at], rows.arrays["hidden:0"][at])
        assert np.allclose(ours, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", ["gemma2", "granite"])
def test_losses_and_token_evidence_are_the_models_own(tmp_path, kind):
    """Training loss, prediction and every token's log-probability come from the real logits."""
    pair = pair_of(tmp_path, kind, Task.SFT)
    texts, _ = documents(4, seed=5)
    examples = pair.final.examples([TextDocument(text) for text in texts])
    losses = pair.final.predict(examples).losses
    evidence = dict(
        both
        for batch in token_evidence(pair.base, pair.final, [TextDocument(t) for t in texts])
        for both in batch
    )
    for index, example in enumerate(examples):
        ids = torch.tensor([example.token_ids])
        with torch.no_grad():
            logs = pair.final.model(input_ids=ids).logits.log_softmax(-1)[0, :-1]
            base_logs = pair.base.model(input_ids=ids).logits.log_softmax(-1)[0, :-1]
        own = logs.gather(1, ids[0, 1:, None])[:, 0]
        base_own = base_logs.gather(1, ids[0, 1:, None])[:, 0]
        assert np.isclose(losses[index], -float(own.sum()), rtol=1e-4)
        assert np.allclose(evidence[index].final, own, atol=1e-4)
        assert np.allclose(evidence[index].base, base_own, atol=1e-4)
    loss = pair.final.loss(examples[:1])
    ids = torch.tensor([examples[0].token_ids])
    assert np.isclose(
        loss.item(), pair.final.model(input_ids=ids, labels=ids).loss.item(), rtol=1e-4
    )


def test_an_unknown_shape_is_refused(tmp_path, monkeypatch):
    """Logits changed in a way that the configuration does not tell are refused, not used."""
    monkeypatch.setattr(LogitShape, "of", classmethod(lambda cls, model: cls()))
    for kind in ("gemma2", "granite", "cohere"):
        with pytest.raises(InputError, match="an unknown way"):
            pair_of(tmp_path / kind, kind, Task.SFT)


WIDE = {"initializer_range": 0.5}
SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
MARKS = {"num_attention_heads": 2, "num_landmarks": 4, "segment_means_seq_len": 16}
PADDED = {
    "xlnet": (
        XLNetConfig,
        XLNetForSequenceClassification,
        {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32, **WIDE},
    ),
    "fnet": (FNetConfig, FNetForSequenceClassification, {**SMALL, **WIDE}),
    "nystromformer": (
        NystromformerConfig,
        NystromformerForSequenceClassification,
        {**SMALL, **MARKS, **WIDE},
    ),
}


@pytest.mark.parametrize("kind", PADDED)
def test_models_that_depend_on_padding_are_refused(tmp_path, kind):
    """An architecture that reads a document otherwise beside a longer one is one sentence."""
    folders = [save(tmp_path / str(seed), *PADDED[kind], seed) for seed in (0, 1)]
    with pytest.raises(InputError, match=r"depend on padding|architecture") as error:
        load_pair(*folders, Task.CLASSIFICATION, 24, EXACT)
    assert "\n" not in str(error.value)


LLAMA4 = {**SIZES, "intermediate_size_mlp": 32, "num_local_experts": 2, "head_dim": 8}
OTHERS = {
    "codegen": (
        CodeGenConfig,
        CodeGenForCausalLM,
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 64},
    ),
    "rwkv": (RwkvConfig, RwkvForCausalLM, {"hidden_size": 16, "num_hidden_layers": 2}),
    "llama4": (Llama4TextConfig, Llama4ForCausalLM, LLAMA4),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_architectures_are_audited_with_their_own_losses(tmp_path, kind):
    """Losses of padded batches are those that the model itself gives each document."""
    folders = [save(tmp_path / str(seed), *OTHERS[kind], seed) for seed in (0, 1)]
    pair = load_pair(*folders, Task.SFT, 24, EXACT)
    texts, _ = documents(3, seed=5)
    examples = pair.final.examples([TextDocument(text) for text in texts])
    for loss, example in zip(pair.final.predict(examples).losses, examples, strict=True):
        ids = torch.tensor([example.token_ids])
        own = pair.final.model(input_ids=ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        assert np.isclose(loss, own, rtol=1e-4)
    assert list(LanguageGradients(pair, 1, 64, 0).of([TextDocument(text) for text in texts]))
