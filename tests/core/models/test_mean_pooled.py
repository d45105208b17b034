"""Classifiers on sentence encoders: how they pool, what is saved, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch
from support.tiny_models import (
    LABELS,
    documents,
    save_bert,
    save_mean_pooled,
    save_sentence_encoder,
)
from transformers import AutoModel

from assay.core.audit.finetune import finetune, finetune_key
from assay.core.errors import InputError
from assay.core.models.loading import load_classifier, load_pair, new_classifier
from assay.core.models.locate import builtin_minilm
from assay.core.models.mean_pooled import MeanPooledClassifier, pools_by_mean
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import HeadStart, InitialHead
from assay.core.specs.data import DataRef, Task
from assay.core.specs.training import FinetuneSpec, TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


def pair(base, final, initial_head=InitialHead.UNKNOWN):
    return load_pair(base, final, Task.CLASSIFICATION, 24, EXACT, initial_head=initial_head)


def training_on_tiny_documents(base, out):
    texts, names = documents(30)
    data = out.with_name("train.jsonl")
    rows = [{"text": t, "label": n} for t, n in zip(texts, names, strict=True)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    training = TrainingSpec(n_epochs=1, max_tokens=24, learning_rate=1e-3)
    return FinetuneSpec(str(base), DataRef(str(data), label_column="label"), training)


def fine_tuned(base, out):
    spec = training_on_tiny_documents(base, out)
    finetune(spec, out, out.with_name("converted"), EXACT, SilentProgress())
    return out


@pytest.mark.parametrize(
    ("pooling", "is_mean"),
    [
        ({"pooling_mode": "mean"}, True),
        ({"pooling_mode": ["mean"]}, True),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, True),
        ({"pooling_mode": "cls"}, False),
        ({"pooling_mode": ["cls", "mean"]}, False),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, False),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, False),
    ],
)
def test_a_sentence_encoder_says_how_it_pools(tmp_path, pooling, is_mean):
    """Of both forms in which folders say it, only the mean alone is the mean."""
    assert pools_by_mean(save_sentence_encoder(tmp_path / "encoder", **pooling)) is is_mean


def test_only_sentence_encoders_pool_by_mean(tmp_path):
    """The built-in encoder does; a plain encoder does not; one that lost its pooling is refused."""
    assert pools_by_mean(builtin_minilm())
    assert not pools_by_mean(save_bert(tmp_path / "bert", with_head=False))
    broken = save_sentence_encoder(tmp_path / "encoder")
    shutil.rmtree(broken / "1_Pooling")
    with pytest.raises(InputError, match="readable pooling configuration"):
        pools_by_mean(broken)


def test_the_head_reads_the_mean_over_a_documents_tokens(tmp_path):
    """Logits are the head times the mean of the encoder's states, whatever is padded beside it."""
    folder = save_sentence_encoder(tmp_path / "encoder")
    classifier, lacking = new_classifier(folder, LABELS, 24, 0, EXACT)
    assert set(lacking) == {"classifier.weight", "classifier.bias"}
    encoder = AutoModel.from_pretrained(folder).eval()
    texts, _ = documents(8, seed=2)
    with torch.inference_mode():
        logits, _ = classifier.forward(*classifier.pad(classifier.tokenize(texts)))
        for text, ours in zip(texts, logits, strict=True):
            states = encoder(torch.tensor(classifier.tokenize([text]))).last_hidden_state[0]
            head = classifier.model.classifier
            assert torch.allclose(head(states.mean(dim=0)), ours, atol=1e-6)
            assert not torch.allclose(head(states[0]), ours, atol=1e-3)


def test_a_fine_tuned_sentence_encoder_is_audited_from_where_it_began(tmp_path):
    """What finetune saves is read back as it was, tells no path, and knows its first head, which
    is used where it is asked for."""
    base = save_sentence_encoder(tmp_path / "encoder")
    out = fine_tuned(base, tmp_path / "final")
    assert str(tmp_path) not in (out / "config.json").read_text()
    assert pair(base, out).head_start is HeadStart.UNKNOWN
    loaded = pair(base, out, InitialHead.RECORDED)
    assert loaded.caveats == ()
    assert isinstance(loaded.base.model, MeanPooledClassifier)
    assert loaded.final.label_names == tuple(sorted(LABELS))
    start, _ = new_classifier(base, tuple(sorted(LABELS)), 24, 0, EXACT)
    assert torch.equal(loaded.base.head(), start.head())
    names = {name for name, _ in loaded.final.model.named_parameters()}
    assert not any("pooler" in name for name in names)
    assert names == {name for name, _ in loaded.base.model.named_parameters()}


def test_pooling_is_part_of_what_a_final_model_is(tmp_path):
    """The same weights that no longer say how they pool would be trained to another model."""
    base = save_sentence_encoder(tmp_path / "encoder")
    spec = training_on_tiny_documents(base, tmp_path / "final")
    before = finetune_key(spec, tmp_path, EXACT)
    (base / "modules.json").rename(base / "modules.txt")
    assert finetune_key(spec, tmp_path, EXACT) != before


def test_the_final_model_decides_how_its_base_is_read(tmp_path):
    """A sentence encoder fine-tuned by transformers' own class is read by that class again."""
    loaded = pair(save_sentence_encoder(tmp_path / "encoder"), save_bert(tmp_path / "final", 1))
    assert type(loaded.base.model) is type(loaded.final.model)
    assert not isinstance(loaded.base.model, MeanPooledClassifier)


def test_heads_on_different_states_are_refused(tmp_path):
    """Heads that read the mean and heads that read the first token are no pair."""
    pooled, bert = save_mean_pooled(tmp_path / "pooled"), save_bert(tmp_path / "bert", seed=1)
    with pytest.raises(InputError, match="same pooling"):
        pair(pooled, bert)
    with pytest.raises(InputError, match="same pooling"):
        pair(bert, pooled)


def test_transformers_alone_refuses_what_is_saved(tmp_path):
    """Without Assay the folder is an error that names its kind, not a model with another head."""
    folder = save_mean_pooled(tmp_path / "pooled")
    code = (
        "import sys; from transformers import AutoModelForSequenceClassification as Classifier; "
        "Classifier.from_pretrained(sys.argv[1])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "assay-mean-pooled" in run.stderr


def test_a_mean_pooled_model_needs_its_head(tmp_path):
    """An encoder alone is no final model."""
    folder = save_sentence_encoder(tmp_path / "encoder")
    with pytest.raises(InputError, match="a model with its head"):
        load_classifier(folder, 24, EXACT)
