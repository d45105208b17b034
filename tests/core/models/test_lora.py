"""Students with LoRA: plain models with the merged weights, whatever kind of model they are."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch
from support.specs import SPECS
from support.tiny_models import (
    LABELS,
    documents,
    save_bert,
    save_gpt2,
    save_llama_classifier,
    save_mean_pooled,
)

from assay.core.audit.metadata import _caveats
from assay.core.audit.resolved_audit import ResolvedAudit, asked_of
from assay.core.audit.stages.kept_students import _VERSION, _row_key
from assay.core.audit.stages.student_training import StudentTask
from assay.core.errors import OptionConflict
from assay.core.models.classifier import LabelWordClassifier
from assay.core.models.examples import TextDocument
from assay.core.models.linear_layers import layer_weight, linear_layers
from assay.core.models.loading import load_classifier, load_language_model
from assay.core.models.lora import is_of_adapter, with_lora
from assay.core.models.pretrained import load_causal, load_tokenizer
from assay.core.models.training import fine_tune, new_optimizer
from assay.core.runtime.device import Compute
from assay.core.specs.audit_checks import check_audit
from assay.core.specs.hashing import content_key
from assay.core.specs.training import LORA_RATE_FACTOR, LORA_STUDENTS, StudentAdapter, TrainingSpec

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
TRAINING = TrainingSpec(learning_rate=3e-3, batch_size=8, n_epochs=2, max_tokens=24)
# Below every width of the tiny models, so that a rank says something.
RANK = 4
AUDIT, TITRATION = SPECS[0], SPECS[1]


def _label_words(folder):
    save_gpt2(folder)
    words = ("A", "B", "C")
    return LabelWordClassifier(
        load_causal(folder), load_tokenizer(folder), LABELS, 24, EXACT, words
    )


MODELS = {
    "BERT": lambda folder: load_classifier(save_bert(folder), 24, EXACT),
    "mean-pooled": lambda folder: load_classifier(save_mean_pooled(folder), 24, EXACT),
    "Llama with a head": lambda folder: load_classifier(save_llama_classifier(folder), 24, EXACT),
    "GPT-2, tied": lambda folder: load_language_model(save_gpt2(folder), 24, EXACT),
    "GPT-2, untied": lambda folder: load_language_model(
        save_gpt2(folder, is_tied=False), 24, EXACT
    ),
    "GPT-2 with label words": _label_words,
}
HEADS = {
    "BERT": {"bert.pooler.dense", "classifier"},
    "mean-pooled": {"classifier"},
    "Llama with a head": {"score"},
}


@pytest.fixture(params=MODELS)
def kind(request):
    return request.param


@pytest.fixture
def model(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("assay.core.models.lora.LORA_RANK", RANK)
    return MODELS[kind](tmp_path / "model")


def examples(model, n=24, seed=1):
    texts, names = documents(n, seed)
    known = [TextDocument(t, LABELS.index(name)) for t, name in zip(texts, names, strict=True)]
    return model.examples(known)


def weights(model):
    return {name: value.clone() for name, value in model.model.state_dict().items()}


def rank(before, after):
    sizes = torch.linalg.svdvals((after - before).double())
    return int((sizes > 1e-5 * sizes[0]).sum())


def test_a_trained_model_is_plain_again(kind, model):
    """Merged weights predict what the adapted model predicted; linear layers changed by the rank
    at most, a head wholly, and nothing else: no embedding, no output layer, no norm and no bias."""
    shown, before = examples(model, seed=2), weights(model)
    inner = [name for name, _ in linear_layers(model)]
    with with_lora(model, (), seed=0):
        fine_tune(model, examples(model), TRAINING)
        adapted = model.predict(shown).losses
    assert model.predict(shown).losses == pytest.approx(adapted, abs=1e-4)
    after = weights(model)
    assert list(after) == list(before)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    heads = {f"{head}.{part}" for head in HEADS.get(kind, ()) for part in ("weight", "bias")}
    adapted_layers = [name for name in inner if name not in HEADS.get(kind, ())]
    assert changed == {f"{name}.weight" for name in adapted_layers} | heads & set(after)
    ranks = [rank(before[f"{name}.weight"], after[f"{name}.weight"]) for name in adapted_layers]
    assert 0 < max(ranks) <= RANK
    assert all(parameter.requires_grad for parameter in model.model.parameters())


def test_full_training_changes_by_more_than_the_rank(tmp_path):
    """The check of ranks finds a student that was not trained with LoRA."""
    model = MODELS["BERT"](tmp_path / "model")
    before = {name: layer_weight(model, name) for name, _ in linear_layers(model)}
    fine_tune(model, examples(model), TRAINING)
    after = {name: layer_weight(model, name) for name, _ in linear_layers(model)}
    assert max(rank(before[name], after[name]) for name in before) > RANK


def test_only_adapter_and_head_are_trained_and_copied(tmp_path, monkeypatch):
    """The optimizer has these alone, the adapter at its own rate; the best epoch is kept."""
    monkeypatch.setattr("assay.core.models.lora.LORA_RANK", RANK)
    model = MODELS["BERT"](tmp_path / "model")
    n_all = sum(one.numel() for one in model.model.parameters())
    shown = examples(model, 40, seed=2)
    with with_lora(model, (), seed=0):
        head, adapter = new_optimizer(model.model, TRAINING).param_groups
        named = {id(one): name for name, one in model.model.named_parameters()}
        assert {named[id(one)] for one in head["params"]} == {
            "bert.pooler.dense.weight",
            "bert.pooler.dense.bias",
            "classifier.weight",
            "classifier.bias",
        }
        assert all(is_of_adapter(named[id(one)]) for one in adapter["params"])
        assert adapter["lr"] == LORA_RATE_FACTOR * head["lr"] == LORA_RATE_FACTOR * 3e-3
        assert len(adapter["params"]) == 2 * 12
        assert sum(one.numel() for one in (*head["params"], *adapter["params"])) < n_all
        epochs = fine_tune(model, examples(model), replace(TRAINING, n_epochs=6), validation=shown)
    (best,) = [epoch for epoch in epochs if epoch.is_best]
    assert best.validation_loss == min(epoch.validation_loss for epoch in epochs)
    assert model.predict(shown).losses.mean() == pytest.approx(best.validation_loss, abs=1e-5)


def test_tensors_that_the_base_lacks_are_trained_whole(tmp_path):
    """A drawn layer holds nothing to adapt, so all of it is trained."""
    model = MODELS["BERT"](tmp_path / "model")
    drawn = "bert.encoder.layer.1.output.dense.weight"
    with with_lora(model, {drawn}, seed=0):
        trained = {name for name, one in model.model.named_parameters() if one.requires_grad}
    assert drawn in trained
    assert not any(name.startswith("bert.encoder.layer.1.output.dense.lora") for name in trained)


def test_a_seed_decides_the_adapter(tmp_path):
    """The same seed gives the same student bit for bit, another seed another student."""
    made = []
    for at, seed in enumerate((0, 0, 1)):
        torch.manual_seed(at)
        model = MODELS["BERT"](tmp_path / f"{at}")
        torch.manual_seed(at)
        with with_lora(model, (), seed):
            fine_tune(model, examples(model), TRAINING)
        made.append(torch.cat([one.detach().flatten() for one in model.model.parameters()]))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_keys_change_with_an_adapter_only():
    """Audits and students without one keep the keys that they had before the option; with one, a
    kept student is another."""
    full = replace(AUDIT, student_adapter=StudentAdapter.NONE)
    adapted = replace(AUDIT, student_adapter=StudentAdapter.LORA)
    assert "student_adapter" not in asked_of(full)
    assert asked_of(adapted) == {**asked_of(full), "student_adapter": "lora"}
    task = StudentTask("select", (TextDocument("text", 0),), (1.0,), TRAINING, True)
    asked = asdict(replace(task, name=""))
    del asked["adapter"]
    assert _row_key(task) == content_key("student", _VERSION, asked)
    assert _row_key(replace(task, adapter=StudentAdapter.LORA)) != _row_key(task)


def test_an_audit_says_that_its_students_deviate():
    """One sentence among the caveats, where students were trained with LoRA and only there."""
    for spec, is_said in (
        (replace(AUDIT, student_adapter=StudentAdapter.LORA), True),
        (replace(AUDIT, student_adapter=StudentAdapter.NONE), False),
    ):
        question = ResolvedAudit(spec, *[None] * 2, TRAINING, "given", *[""] * 3, {}, EXACT)
        assert (LORA_STUDENTS in _caveats(question)) is is_said


def test_an_adapter_without_students_is_refused():
    """The option would do nothing: for an audit of no epochs, and a titration without students."""
    adapted = replace(TITRATION, student_adapter=StudentAdapter.LORA)
    check_audit(adapted)
    of_an_audit = replace(adapted, titration=None)
    for spec in (adapted, of_an_audit):
        with pytest.raises(OptionConflict, match="--student-adapter applies to students only"):
            check_audit(replace(spec, n_student_epochs=0))
