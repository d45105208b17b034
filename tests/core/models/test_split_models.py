"""Models that no device holds whole: their numbers are those of the same models in one place.

Without a GPU a part of each model is on disk, moved by accelerate as from one card to another.
"""

from __future__ import annotations

import gc
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.split_models import n_bytes, short_of
from support.tiny_models import (
    LABELS,
    documents,
    save_bert,
    save_gpt2,
    save_llama,
    save_llama_classifier,
    save_mean_pooled,
)

from assay.core.audit.stages.student_training import StudentTask, train_student
from assay.core.audit.stages.students import ModelPairSource, train_students
from assay.core.errors import InputError
from assay.core.gradients.weight_difference import layer_difference
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.layer_passes import layer_passes
from assay.core.models.linear_layers import linear_layers
from assay.core.models.loading import interpolated, load_pair
from assay.core.models.per_example_gradients import ClassifierGradients, LanguageGradients
from assay.core.models.split_model import _divided
from assay.core.models.token_log_probs import token_evidence
from assay.core.runtime.device import Compute, choose_compute
from assay.core.runtime.rooms import CPU, Rooms
from assay.core.specs.audit import GradientLayers
from assay.core.specs.data import Task
from assay.core.specs.training import StudentAdapter, TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
TEXTS = [
    TextDocument(text, LABELS.index(name))
    for text, name in zip(*documents(40, seed=3), strict=True)
]
MODELS = {
    "Llama": (save_llama, Task.SFT),
    "GPT-2, tied": (save_gpt2, Task.SFT),
    "BERT": (save_bert, Task.CLASSIFICATION),
    "mean-pooled": (save_mean_pooled, Task.CLASSIFICATION),
    "Llama with a head": (save_llama_classifier, Task.CLASSIFICATION),
}


def pair_of(folder, name, compute=EXACT, is_split=False):
    """Two models of a kind; with ``is_split`` the last block of each is on disk."""
    save, task = MODELS[name]
    folders = [folder / f"{seed}" for seed in (0, 1)]
    for seed, one in enumerate(folders):
        if not one.exists():
            save(one, seed)
    if is_split:
        compute = short_of(compute, folders[0], task is Task.SFT)
    return load_pair(*folders, task, 24, compute)


@pytest.fixture(scope="module", params=MODELS)
def pairs(request, tmp_path_factory):
    """A pair of models in one place, and the same pair split."""
    folder = tmp_path_factory.mktemp("split")
    whole, split = (pair_of(folder, request.param, is_split=one) for one in (False, True))
    assert whole.splits == {}
    assert split.splits == dict.fromkeys(
        ("base_split", "final_split"), "blocks: 1 in the processor's memory, 1 on disk"
    )
    assert any(one.is_meta for one in split.base.model.parameters())
    return whole, split


def is_language(pair):
    return not pair.final.label_names


def last_layer(pair):
    if is_language(pair):
        return LanguageGradients(pair, 2, 256, seed=0)
    return ClassifierGradients(pair, 2)


GRADIENTS = {
    "last layer": last_layer,
    "last block": lambda pair: InnerGradients(pair, 2, GradientLayers.LAST_BLOCK, 256, 0),
    "changed layers": lambda pair: InnerGradients(pair, 2, GradientLayers.CHANGED, 256, 0),
}


def gradient_rows(models):
    for rows in models.of(TEXTS):
        yield from (rows.base_loss, rows.alignment, rows.squared_norms, *rows.arrays.values())
    yield np.array([models.cosine_of_sum(TEXTS)])


def embedding_rows(pair):
    for rows in EmbeddingGradients(pair).of(TEXTS):
        yield from (rows.agreements, rows.projected, rows.squared_norms, rows.alignment)


def evidence(pair):
    for batch in token_evidence(pair.base, pair.final, TEXTS):
        for _, one in batch:
            yield from (one.base, one.final, one.mean, one.deviation)


def changes(pair):
    """How each tensor changed, by name."""
    for name, start in pair.initial_parameters():
        found = layer_difference(name, start, pair.final.parameter(name), torch.float32)
        yield np.array([found.difference_norm, found.cosine, *found.spectrum])


def assert_same(whole, split):
    ours, theirs = list(split), list(whole)
    assert sum(float(np.abs(values).sum()) for values in theirs) > 0
    assert len(ours) == len(theirs)
    for mine, own in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, own)


@pytest.mark.parametrize("kind", GRADIENTS)
def test_gradients_are_those_of_whole_models(pairs, kind):
    """Losses, alignments, norms, what products are made of and cosines of sums: the same bits."""
    assert_same(*(gradient_rows(GRADIENTS[kind](pair)) for pair in pairs))


def test_embedding_gradients_are_those_of_whole_models(pairs):
    """Backward through every block, at checkpoints that are split as well."""
    assert_same(*map(embedding_rows, pairs))


def test_predictions_and_weight_changes_are_those_of_whole_models(pairs):
    """What is read of weights on disk is what was loaded."""
    examples = pairs[0].final.examples(TEXTS)
    assert_same(*([pair.final.predict(examples).losses] for pair in pairs))
    assert_same(*map(changes, pairs))


def test_token_scores_and_layer_agreement_are_those_of_whole_models(pairs):
    """A language model's log probabilities, and how its layers agree with its gradients."""
    if not is_language(pairs[0]):
        pytest.skip("language models only")
    assert_same(*map(evidence, pairs))
    assert_same(*([LayerAgreement(pair, TEXTS).of(TEXTS)] for pair in pairs))


def test_another_model_gives_other_numbers(pairs):
    """The comparison sees a difference: the final model's losses are not the base's."""
    whole, split = pairs
    examples = whole.final.examples(TEXTS)
    with pytest.raises(AssertionError):
        assert_same([whole.base.predict(examples).losses], [split.final.predict(examples).losses])


def test_a_copy_has_its_own_weights_in_the_same_places(pairs):
    """A checkpoint is split like its base, which stays as it is."""
    whole, split = pairs
    before = {name: value.clone() for name, value in split.base.parameters()}
    middle = interpolated(split.base, split.final, 0.5)
    assert str(middle.split) == str(split.base.split)
    expected = dict(interpolated(whole.base, whole.final, 0.5).parameters())
    for name, value in middle.parameters():
        assert torch.equal(value, expected[name])
        assert torch.equal(split.base.parameter(name), before[name])


def test_gathering_and_splitting_again_loses_nothing(tmp_path):
    """Weights come together in memory, without a trace of the split, and their file is gone."""
    pair = pair_of(tmp_path, "Llama", is_split=True)
    model, folder = pair.base, Path(pair.base.split.folder.name)
    before = {name: value.clone() for name, value in model.parameters()}
    assert any(folder.iterdir())
    model.gather()
    assert not folder.exists()
    held = dict(model.model.named_parameters())
    assert all(torch.equal(held[name], value) for name, value in before.items())
    assert not any(hasattr(module, "_hf_hook") for module in model.model.modules())
    model.move_to("cpu")
    assert model.split is not None
    assert all(torch.equal(value, before[name]) for name, value in model.parameters())


def test_weights_are_fetched_again_for_a_backward_pass(tmp_path, monkeypatch):
    """Those of a forward pass are let go: a block on disk is read once more for its gradients."""
    pair = pair_of(tmp_path, "Llama", is_split=True)
    name = next(n for n, one in linear_layers(pair.base) if one.weight.is_meta)
    read = []
    kept = type(pair.base.split.kept)
    usual = kept.__getitem__
    monkeypatch.setattr(kept, "__getitem__", lambda own, key: read.append(key) or usual(own, key))
    batch = pair.base.examples(TEXTS[:4])
    with torch.inference_mode():
        pair.base.answers(batch)
    assert read.count(f"{name}.weight") == 1
    layer_passes(pair.base, [name], batch)
    assert read.count(f"{name}.weight") == 3
    assert pair.base.model.get_submodule(name).weight.is_meta


def test_bfloat16_runs_as_in_one_place(tmp_path):
    """Autocast sees weights that come and go as it sees those that stay."""
    bf16 = replace(EXACT, is_bf16=True)
    whole, split = (pair_of(tmp_path, "Llama", bf16, one) for one in (False, True))
    assert split.splits
    assert_same(*(gradient_rows(last_layer(pair)) for pair in (whole, split)))
    assert_same(*map(embedding_rows, (whole, split)))


@pytest.mark.trains
@pytest.mark.parametrize("name", ["GPT-2, tied", "BERT", "Llama with a head"])
def test_a_student_with_lora_is_that_of_a_whole_model(tmp_path, name):
    """Adapters are trained in blocks on disk: losses, predictions and weights are the same."""
    save, task = MODELS[name]
    folders = [save(tmp_path / f"{seed}", seed) for seed in (0, 1)]
    source = ModelPairSource(*folders, task, 24, EXACT, None)
    short = short_of(EXACT, folders[0], task is Task.SFT)
    training = TrainingSpec(learning_rate=3e-3, batch_size=8, n_epochs=3, max_tokens=24)
    known = tuple(TEXTS)
    asked = StudentTask(
        "one",
        *(known, (1.0,) * len(known), training),
        is_stopping_early=True,
        unseen=known[:8],
        adapter=StudentAdapter.LORA,
    )
    whole, split = (
        next(iter(train_students([asked], replace(source, compute=one), known, lambda n: None)))
        for one in (EXACT, short)
    )
    assert whole.epochs[-1].train_loss < whole.epochs[0].train_loss
    assert split.epochs == whole.epochs
    np.testing.assert_array_equal(split.predictions.losses, whole.predictions.losses)
    assert split.weight_cosine == whole.weight_cosine
    assert split.unseen_cosine == whole.unseen_cosine


@pytest.mark.trains
def test_an_interrupted_student_says_what_interrupted_it(tmp_path, monkeypatch):
    """Its adapter is taken out of a split model without an error of its own."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("assay.core.audit.stages.student_training.fine_tune", interrupted)
    pair = pair_of(tmp_path, "Llama", is_split=True)
    asked = StudentTask(
        *("one", (TEXTS[0],), (1.0,), TrainingSpec(max_tokens=24)),
        is_stopping_early=False,
        adapter=StudentAdapter.LORA,
    )
    with pytest.raises(KeyboardInterrupt):
        train_student(asked, pair, (TEXTS[1],), lambda n: None)


def test_a_model_that_fits_is_left_whole(tmp_path):
    """With room for all of it, nothing is moved."""
    pair = pair_of(tmp_path, "BERT", replace(EXACT, rooms=Rooms(((CPU, 10**9),))))
    assert pair.splits == {}
    assert pair.final.split is None


def test_blocks_fill_one_device_after_the_other():
    """In order: cards, then the processor's memory, then disk; none holds more than its room."""
    blocks = {f"h.{number}": torch.nn.Linear(10, 10, bias=False) for number in range(8)}
    size = n_bytes(blocks["h.0"])
    on = _divided(blocks, {0: 2 * size + 1, 1: 3 * size - 1, 2: 0, "cpu": 3 * size})
    assert list(on.values()) == [0, 0, 1, 1, "cpu", "cpu", "cpu", "disk"]
    assert set(_divided(blocks, {0: 100 * size, "cpu": size}).values()) == {0}


def test_what_cannot_be_split_is_refused(tmp_path, monkeypatch):
    """Embeddings and output layer need room on the first device, and the rest on disk."""
    with pytest.raises(InputError, match="for embeddings and output layer"):
        pair_of(tmp_path, "Llama", replace(EXACT, rooms=Rooms(((CPU, 1000),))))
    full = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    with pytest.raises(InputError, match="neither cards nor memory"):
        pair_of(tmp_path, "Llama", is_split=True)


def test_only_commands_that_can_split_offer_it():
    """The option is a value of --device; elsewhere it is refused in words."""
    assert choose_compute("all", may_split=True).rooms is not None
    assert choose_compute("cpu", may_split=True).rooms is None
    with pytest.raises(InputError, match="one device"):
        choose_compute("all")


def test_what_is_on_disk_is_deleted_with_the_model(tmp_path, monkeypatch):
    """A pair that is let go leaves nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pair = pair_of(tmp_path, "Llama", is_split=True)
    assert list(tmp_path.glob("assay-weights-*"))
    del pair
    gc.collect()
    assert not list(tmp_path.glob("assay-weights-*"))
