"""Decoder classifiers keep the position that transformers keeps, whatever their scores are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from support.tiny_models import LABELS, SIZES, documents, tokenizer
from tokenizers.processors import TemplateProcessing
from torch.func import functional_call
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2LMHeadModel,
    GPT2Model,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
    Qwen2Model,
)

from assay.core.audit.finetune import finetune
from assay.core.errors import InputError
from assay.core.models.classifier import SequenceClassifier
from assay.core.models.examples import TextDocument
from assay.core.models.loading import load_classifier, load_pair
from assay.core.models.per_example_gradients import ClassifierGradients
from assay.core.models.resolve import resolve_model
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.data import DataRef, Task
from assay.core.specs.training import FinetuneSpec, TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
KINDS = {
    "gpt2": (
        GPT2Config,
        {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
        {"classifier": GPT2ForSequenceClassification, "causal": GPT2LMHeadModel, "body": GPT2Model},
    ),
    "llama": (
        LlamaConfig,
        SIZES,
        {
            "classifier": LlamaForSequenceClassification,
            "causal": LlamaForCausalLM,
            "body": LlamaModel,
        },
    ),
    "qwen2": (
        Qwen2Config,
        SIZES,
        {
            "classifier": Qwen2ForSequenceClassification,
            "causal": Qwen2ForCausalLM,
            "body": Qwen2Model,
        },
    ),
}


def words_with_bos(has_bos):
    words = tokenizer(is_causal=True)
    if has_bos:
        words.add_special_tokens({"bos_token": "<eos>"})
        words.backend_tokenizer.post_processor = TemplateProcessing(
            single="<eos> $A", special_tokens=[("<eos>", 0)]
        )
    words.add_special_tokens({"pad_token": "<pad>"})
    return words


def save(folder, kind, seed, what, has_bos=False, **more):
    """A decoder as a classifier of three labels, as a language model ("causal") or as its body."""
    torch.manual_seed(seed)
    words = words_with_bos(has_bos)
    config_class, sizes, classes = KINDS[kind]
    config = config_class(
        **sizes, vocab_size=len(words), eos_token_id=0, initializer_range=0.2, **more
    )
    classes[what](config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_classifier(folder, kind, seed, has_bos=False):
    pad = words_with_bos(has_bos).pad_token_id
    labels = dict(enumerate(LABELS))
    return save(folder, kind, seed, "classifier", has_bos, pad_token_id=pad, id2label=labels)


def training_gradient(classifier, batch, label):
    """What transformers' own forward pass and loss give the head, by autograd."""
    head = {
        name: parameter.detach().requires_grad_()
        for name, parameter in classifier.model.named_parameters()
        if name.startswith(classifier.head_name)
    }
    inputs = {**batch, "labels": torch.tensor([label])}
    loss = functional_call(classifier.model, head, (), inputs).loss
    return torch.autograd.grad(loss, list(head.values()))[0].numpy()


@pytest.mark.parametrize("has_bos", [False, True], ids=["plain", "bos"])
@pytest.mark.parametrize("has_head", [False, True], ids=["headless", "head"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_training(tmp_path, kind, has_head, has_bos):
    """δ ⊗ h of a padded batch is autograd's for each document, from a base with or without head."""
    if has_head:
        base = save_classifier(tmp_path / "base", kind, 0, has_bos)
    else:
        base = save(tmp_path / "base", kind, 0, "causal", has_bos)
        assert json.loads((base / "config.json").read_text()).get("pad_token_id") is None
    final = save_classifier(tmp_path / "final", kind, 1, has_bos)
    pair = load_pair(base, final, Task.CLASSIFICATION, 24, EXACT)
    texts, _ = documents(9, seed=3)
    parts = list(ClassifierGradients(pair).of([TextDocument(text) for text in texts]))
    assert sum(len(rows.indices) for rows in parts) == len(texts)
    for rows in parts:
        for at, index in enumerate(rows.indices):
            batch = pair.final.tokenizer(texts[index], return_tensors="pt")
            batch = {name: batch[name] for name in ("input_ids", "attention_mask")}
            label = int(rows.pseudolabel[at])
            assert label == int(pair.final.model(**batch).logits.argmax())
            ours = np.outer(rows.arrays["errors:0"][at], rows.arrays["hidden:0"][at])
            expected = training_gradient(pair.base, batch, label)
            assert np.allclose(ours, expected, atol=1e-6)
    # The first token's state, BOS above all, would be the same row for many documents.
    states = np.concatenate([rows.arrays["hidden:0"] for rows in parts])
    assert len(np.unique(states.round(5), axis=0)) == len(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_the_position_is_that_of_transformers_on_either_side(tmp_path, kind):
    """Left or right padding, padding within a text, or nothing but padding: the same position."""
    folder = save_classifier(tmp_path / "model", kind, 0)
    classifier = load_classifier(folder, 24, EXACT)
    pad = classifier.model.config.pad_token_id
    ids = torch.tensor([[5, 6, 7, pad, pad], [pad, pad, 5, 6, 7], [5, pad, 7, 8, 9], [pad] * 5])
    mask = (ids != pad).long()
    mask[3] = 1
    theirs = classifier.model(input_ids=ids, attention_mask=mask).logits
    ours, _ = classifier.forward(ids, mask)
    assert torch.allclose(ours, theirs, atol=1e-6)
    first = classifier.model.base_model(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
    assert not torch.allclose(first @ classifier.head().T, theirs, atol=1e-2)  # control


def test_equal_scores_do_not_choose_the_position(tmp_path):
    """With a head of zeros every position ties; the state is still the last token's."""
    classifier = load_classifier(save_classifier(tmp_path / "model", "llama", 0), 24, EXACT)
    with torch.no_grad():
        classifier.model.score.weight.zero_()
        ids, mask = classifier.pad([[5, 6, 7, 8], [9, 10]])
        hidden = classifier.hidden(ids, mask)
        states = classifier.model.model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(hidden[0], states[0, 3])
    assert torch.equal(hidden[1], states[1, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_without_padding_is_audited_after_our_own_finetune(tmp_path, kind):
    """A base that names no padding token, made a classifier by finetune, is audited."""
    base = save(tmp_path / "base", kind, 0, "body")
    assert json.loads((base / "config.json").read_text()).get("pad_token_id") is None
    texts, names = documents(30)
    data = tmp_path / "train.jsonl"
    lines = [json.dumps({"text": t, "label": n}) for t, n in zip(texts, names, strict=True)]
    data.write_text("\n".join(lines))
    training = TrainingSpec(n_epochs=1, max_tokens=24)
    spec = FinetuneSpec(str(base), DataRef(str(data), label_column="label"), training)
    finetune(spec, tmp_path / "final", tmp_path, EXACT, SilentProgress())
    folder = resolve_model(str(tmp_path / "final"), tmp_path)
    pair = load_pair(base, folder, Task.CLASSIFICATION, 24, EXACT)
    assert isinstance(pair.base, SequenceClassifier)
    rows = list(ClassifierGradients(pair).of([TextDocument(text) for text in texts[:6]]))
    assert sum(len(part.indices) for part in rows) == 6
    assert all(np.isfinite(part.alignment).all() for part in rows)


def test_the_configurations_padding_fills_batches(tmp_path):
    """Where tokenizer and configuration name two, a document in a batch is as it is alone."""
    folder = save_classifier(tmp_path / "model", "llama", 0)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": 3}))
    classifier = load_classifier(folder, 24, EXACT)
    assert classifier.tokenizer.pad_token_id != 3
    token_ids = [[5, 6, 7, 8, 9], [10, 11]]
    together, _ = classifier.forward(*classifier.pad(token_ids))
    for row, ids in zip(together, token_ids, strict=True):
        alone = classifier.model(input_ids=torch.tensor([ids])).logits[0]
        assert torch.allclose(row, alone, atol=1e-5)
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": -1}))
    assert load_classifier(folder, 24, EXACT).model.config.pad_token_id >= 0


def test_more_tokens_than_positions_are_refused(tmp_path):
    """One token more than the model has positions for is one sentence; up to them it is read."""
    classifier = load_classifier(save_classifier(tmp_path / "model", "gpt2", 0), 200, EXACT)
    classifier.forward(*classifier.pad([[5] * 64]))
    with pytest.raises(InputError, match=r"at most 64 tokens.*--max-tokens to 64"):
        classifier.pad([[5] * 65])


def test_only_labels_that_exclude_one_another_are_audited(tmp_path):
    """Heads for several labels at once or for numbers are refused; one for one label is loaded."""
    folder = save_classifier(tmp_path / "model", "llama", 0)
    config = json.loads((folder / "config.json").read_text())
    for kind in ("multi_label_classification", "regression"):
        (folder / "config.json").write_text(json.dumps(config | {"problem_type": kind}))
        with pytest.raises(InputError, match=kind.replace("_", " ")):
            load_classifier(folder, 24, EXACT)
    single = config | {"problem_type": "single_label_classification"}
    (folder / "config.json").write_text(json.dumps(single))
    assert load_classifier(folder, 24, EXACT).label_names == LABELS
