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
from assay.core.models.locate import builtin_minilm
from assay.core.models.resolve import resolve_model
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import HeadStart, InitialHead
from assay.core.specs.data import DataRef, Task
from assay.core.specs.training import FinetuneSpec, Optimizer, TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)


def pair(base, final, words=None, task=Task.CLASSIFICATION, **more):
    converted = Path(os.environ["ASSAY_HOME"]) / "models"
    folder = resolve_model(str(base), converted)
    return load_pair(
        folder, resolve_model(str(final), converted, folder), task, 24, EXACT, words, **more
    )


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


def test_a_head_that_began_unknown_is_the_outsiders(tmp_path):
    """The final model's head stands on the base, the head's weight difference is taken from zero,
    and the audit says so; a base with a head of its own keeps it."""
    base = save_bert(tmp_path / "base", with_head=False)
    final = save_bert(tmp_path / "final", seed=1)
    loaded = pair(base, final)
    assert loaded.head_start is HeadStart.UNKNOWN
    assert torch.equal(loaded.base.head(), loaded.final.head())
    assert loaded.initial_head().abs().max() == 0
    known = dict(loaded.initial_parameters())
    assert known["classifier.weight"].abs().max() == 0
    assert torch.equal(
        known["bert.pooler.dense.weight"], loaded.base.model.bert.pooler.dense.weight
    )
    assert "unknown" in loaded.caveats[0]
    whole = pair(save_bert(tmp_path / "whole", seed=0), final)
    assert (whole.head_start, whole.drawn, whole.caveats) == (HeadStart.OWN, {}, ())
    assert torch.equal(whole.initial_head(), whole.base.head())


def test_students_draw_heads_of_their_own(tmp_path):
    """A student's head is neither the final model's nor the one fine-tuning drew with the same
    seed, of their size, and another for another seed; its body is the base's."""
    base = save_bert(tmp_path / "base", with_head=False)
    final = fine_tuned(base, tmp_path)
    loaded, insiders = pair(base, final), pair(base, final, initial_head=InitialHead.RECORDED)
    first, again, other = (loaded.student(seed) for seed in (0, 0, 1))
    recorded = insiders.base.head()
    assert torch.equal(first.head(), again.head())
    for another in (other.head(), recorded, loaded.final.head()):
        assert (first.head() - another).norm() > 0.5 * recorded.norm()
    assert 0.5 < first.head().norm() / recorded.norm() < 2
    assert torch.equal(
        first.model.bert.pooler.dense.weight, insiders.base.model.bert.pooler.dense.weight
    ) == ("bert.pooler.dense.weight" not in loaded.drawn)
    assert torch.equal(insiders.student(0).head(), recorded)


def test_a_recorded_head_is_used_only_where_it_is_asked_for(tmp_path):
    """`assay finetune` records the head it drew; the insider's view starts exactly there and says
    what it is, the default does not, and without a record it is refused."""
    base = save_bert(tmp_path / "base", with_head=False)
    out = fine_tuned(base, tmp_path)
    assert pair(base, out).head_start is HeadStart.UNKNOWN
    loaded = pair(base, out, initial_head=InitialHead.RECORDED)
    assert (loaded.head_start, loaded.caveats) == (HeadStart.RECORDED, ())
    head = loaded.base.head()
    assert head.abs().max() > 0
    assert torch.equal(loaded.initial_head(), head)
    moved = (loaded.final.head() - head).norm()
    assert 0 < moved < head.norm()
    record = TrainingRecord.read(out)
    assert record is not None
    assert (record.training, record.n_documents) == (_TRAINING, 30)
    with pytest.raises(InputError, match=r"no such record.*leave out --initial-head"):
        pair(base, save_bert(tmp_path / "bare", seed=1), initial_head=InitialHead.RECORDED)


_TRAINING = TrainingSpec(n_epochs=1, max_tokens=24, learning_rate=1e-3)


def fine_tuned(base, folder):
    texts, names = documents(30)
    data = folder / "train.jsonl"
    data.write_text(
        "".join(
            json.dumps({"text": t, "label": n}) + "\n" for t, n in zip(texts, names, strict=True)
        )
    )
    ref = DataRef(str(data), label_column="label")
    spec = FinetuneSpec(str(base), ref, _TRAINING)
    finetune(spec, folder / "tuned", folder, EXACT, SilentProgress())
    return folder / "tuned"


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
    """A folder that not empty else is left as it is."""
    base = save_bert(tmp_path / "base")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    data = tmp_path / "train.csv"
    data.write_text("text,label\nrain,a\nsun,b\n")
    ref = DataRef(str(data), label_column="label")
    with pytest.raises(InputError, match="not empty"):
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
