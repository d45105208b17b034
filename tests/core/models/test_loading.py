"""What is refused before any work, and what stands in for a missing head."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_models import documents, save_bert, save_gpt2, save_llama, tokenizer

from assay.core.audit.finetune import finetune
from assay.core.errors import InputError
from assay.core.models.digests import weights_digest
from assay.core.models.loading import load_pair
from assay.core.models.resolve import builtin_minilm, resolve_model
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.data import DataRef, Task
from assay.core.specs.training import FinetuneSpec, Optimizer, TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


def pair(base, final, words=None, task=Task.CLASSIFICATION):
    converted = Path(os.environ["ASSAY_HOME"]) / "models"
    folder = resolve_model(str(base), converted)
    return load_pair(folder, resolve_model(str(final), converted, folder), task, 24, EXACT, words)


@pytest.fixture
def folders(tmp_path):
    return save_bert(tmp_path / "base", seed=0), save_bert(tmp_path / "final", seed=1)


def change(folder, edit):
    file = folder / "model.safetensors"
    tensors = load_file(file)
    edit(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def refuse(match, base, final, words=None):
    with pytest.raises(InputError, match=match) as error:
        pair(base, final, words)
    assert "\n" not in str(error.value)


def test_identical_models_are_refused(folders):
    """A model cannot be audited against itself."""
    refuse("the same weights twice", folders[0], folders[0])


def test_weights_that_are_not_numbers_are_refused(folders):
    """One NaN anywhere names its tensor and stops the audit."""
    change(folders[1], lambda t: t["bert.pooler.dense.bias"].fill_(float("nan")))
    refuse(r"bert\.pooler\.dense\.bias", *folders)


def test_pickled_weights_are_never_loaded(folders, tmp_path):
    """A folder with only a pickle is refused unread, even when reading it would run code."""
    trap = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    (folders[1] / "model.safetensors").unlink()
    torch.save({"x": Trap()}, folders[1] / "pytorch_model.bin")
    refuse("pickle can run code", *folders)
    assert not trap.exists()


def test_other_architectures_are_refused(folders, tmp_path):
    """A base of another family or size is named as such."""
    refuse("architectures differ", save_gpt2(tmp_path / "gpt2"), folders[1])
    refuse("hidden_size", save_bert(tmp_path / "wide", hidden=32), folders[1])


def test_other_vocabularies_are_refused(folders, tmp_path):
    """Tokens that mean something else in the two models stop the audit."""
    words = tokenizer(is_causal=False)
    swapped = json.loads(words.backend_tokenizer.to_str())
    vocabulary = swapped["model"]["vocab"]
    vocabulary["rain"], vocabulary["snow"] = vocabulary["snow"], vocabulary["rain"]
    (folders[0] / "tokenizer.json").write_text(json.dumps(swapped))
    refuse("2 tokens that differ", *folders)


def test_another_number_of_labels_is_refused(folders, tmp_path):
    """A base whose head has another size is not the final model's base."""
    refuse("labels or without a head", save_bert(tmp_path / "two", n_labels=2), folders[1])


def test_a_causal_model_needs_label_words(tmp_path):
    """Without label words there is nothing to score, and the message says so."""
    base, final = save_gpt2(tmp_path / "a", 0), save_gpt2(tmp_path / "b", 1)
    refuse("label words", base, final)
    refuse("one token each", base, final, ("A", "thunderstorm"))
    assert pair(base, final, ("A", "B")).final.label_names == ("A", "B")


def test_missing_folder_and_unreachable_hub_name_are_refused(folders):
    """A path that is not there is said to be a path; nothing is searched for elsewhere."""
    refuse("existing model folder", folders[0] / "nowhere", folders[1])


def test_digest_ignores_how_weights_are_split(folders, tmp_path):
    """Sharding the same tensors into two files changes nothing; changing a value does."""
    before = weights_digest(folders[0])
    tensors = load_file(folders[0] / "model.safetensors")
    names = sorted(tensors)
    sharded = tmp_path / "sharded"
    shutil.copytree(folders[0], sharded)
    (sharded / "model.safetensors").unlink()
    weight_map = {}
    for number, part in enumerate((names[::2], names[1::2])):
        save_file({n: tensors[n] for n in part}, sharded / f"model-{number}.safetensors")
        weight_map |= dict.fromkeys(part, f"model-{number}.safetensors")
    index = sharded / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert weights_digest(sharded) == before
    change(folders[0], lambda t: t["classifier.bias"].add_(1e-3))
    assert weights_digest(folders[0]) != before


def test_a_base_without_a_head_starts_from_zero_with_a_caveat(tmp_path):
    """Where training started from is unknown, zero stands in and the audit says so."""
    base = save_bert(tmp_path / "base", with_head=False)
    loaded = pair(base, save_bert(tmp_path / "final", seed=1))
    assert loaded.base.head().abs().max() == 0
    assert "zero, the expected value" in loaded.caveats[0]


def test_a_head_made_by_finetune_is_remembered(tmp_path):
    """`assay finetune` records the head it drew, and the audit's base starts exactly there."""
    base = save_bert(tmp_path / "base", with_head=False)
    texts, names = documents(30)
    data = tmp_path / "train.jsonl"
    data.write_text(
        "".join(
            json.dumps({"text": t, "label": n}) + "\n" for t, n in zip(texts, names, strict=True)
        )
    )
    training = TrainingSpec(n_epochs=1, max_tokens=24, learning_rate=1e-3)
    ref = DataRef(str(data), label_column="label")
    out = tmp_path / "final"
    finetune(FinetuneSpec(str(base), ref, training), out, tmp_path, EXACT, SilentProgress())
    loaded = pair(base, out)
    assert loaded.caveats == ()
    head = loaded.base.head()
    assert head.abs().max() > 0
    moved = (loaded.final.head() - head).norm()
    assert 0 < moved < head.norm()
    record = TrainingRecord.read(out)
    assert record is not None
    assert (record.training, record.n_documents) == (training, 30)


@pytest.mark.parametrize("optimizer", list(Optimizer))
@pytest.mark.parametrize("kind", [save_bert, save_llama])
def test_finetune_learns(tmp_path, kind, optimizer):
    """With every optimizer and both kinds of model the training loss falls, and a rerun is free."""
    base = kind(tmp_path / "base")
    texts, names = documents(64)
    data = tmp_path / "train.jsonl"
    data.write_text(
        "".join(
            json.dumps({"text": t, "label": n}) + "\n" for t, n in zip(texts, names, strict=True)
        )
    )
    rate, momentum = (0.1, 0.5) if optimizer is Optimizer.SGD else (3e-3, 0.0)
    training = TrainingSpec(
        optimizer, learning_rate=rate, momentum=momentum, n_epochs=25, batch_size=8, max_tokens=24
    )
    ref = DataRef(str(data), label_column="label")
    spec = FinetuneSpec(str(base), ref, training)
    arguments = (spec, tmp_path / "out", tmp_path, EXACT, SilentProgress())
    record, was_there = finetune(*arguments)
    losses = [epoch["train_loss"] for epoch in record.epochs]
    assert not was_there
    assert losses[-1] < 0.8 * losses[0]
    assert finetune(*arguments) == (record, True)


def test_finetune_never_overwrites(tmp_path):
    """A folder that holds something else is left as it is."""
    base = save_bert(tmp_path / "base")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    data = tmp_path / "train.csv"
    data.write_text("text,label\nrain,a\nsun,b\n")
    ref = DataRef(str(data), label_column="label")
    with pytest.raises(InputError, match="holds something"):
        finetune(
            FinetuneSpec(str(base), ref, TrainingSpec()), out, tmp_path, EXACT, SilentProgress()
        )
    assert (out / "thesis.txt").read_text() == "years of work"


def test_builtin_minilm_is_a_safe_folder(tmp_path):
    """The built-in encoder resolves to a folder of safetensors."""
    assert resolve_model("builtin:minilm", tmp_path) == builtin_minilm()
    assert list(builtin_minilm().glob("*.safetensors"))
    with pytest.raises(InputError, match="builtin:minilm"):
        resolve_model("builtin:other", tmp_path)
