"""Audits of models that no device holds whole: the same rows as of models in one place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.contents import contents
from support.long_corpus import nudged
from support.split_models import short_of
from support.tiny_models import documents, save_bert, save_llama

from assay.cache.audits.read import read_facts
from assay.cache.store import Store
from assay.core.audit.run import run_audit
from assay.core.errors import OptionConflict
from assay.core.models import split_model
from assay.core.models.lora import is_of_adapter
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit_checks import check_device
from assay.core.specs.commands import AUDIT, RANK_CORPORA, TITRATE
from assay.core.specs.compute import WorkEngine

EXACT = Compute("cpu", is_bf16=False, n_threads=1)
# Of each task: how its base is saved, strategies besides the usual, tables that it alone has.
TASKS = {
    "sft": (
        save_llama,
        ("layer-match", "loss-drop"),
        ("membership_scores", "layer_scores"),
    ),
    "classification": (save_bert, (), ()),
}


def asked(folder, task, *more, **options):
    strategies = ["select", "random", "embedding-match", "embedding-select", *more]
    return AUDIT.build(
        {
            "base": str(folder / "base"),
            "final": str(folder / "final"),
            "seed_corpus": [str(folder / "pool.jsonl")],
            "task": task,
            "strategy": strategies,
            "student_strategy": ["select"],
            "budget": 12,
            "student_epochs": 2,
            "student_adapter": "lora",
            "map": False,
            **options,
        }
    )


@pytest.mark.trains
@pytest.mark.usefixtures("tiny_encoder")
@pytest.mark.parametrize("task", TASKS)
def test_a_split_audit_has_the_rows_of_a_whole_one(tmp_path, task, monkeypatch):
    """Gradients, scores, selections, LoRA students and metrics agree to the last bit, and the
    provenance says where the blocks were."""
    save, more, tables = TASKS[task]
    nudged(save(tmp_path / "base"), tmp_path / "final")
    texts = documents(60, seed=4)[0]
    pool = "".join(json.dumps({"text": text}) + "\n" for text in dict.fromkeys(texts))
    (tmp_path / "pool.jsonl").write_text(pool)
    split = short_of(EXACT, tmp_path / "base", task == "sft")
    with_adapter = []

    def watched(model, compute):
        found = split_model.split(model, compute)
        parameters = dict(model.named_parameters())
        away = {name for name, one in parameters.items() if one.is_meta}
        adapter = set(filter(is_of_adapter, parameters))
        with_adapter.append(bool(away and adapter and not away & adapter))
        return found

    monkeypatch.setattr("assay.core.models.text_model.split", watched)
    found, facts = {}, {}
    for name, compute in {"whole": EXACT, "split": split}.items():
        store = Store(tmp_path / name)
        path = run_audit(asked(tmp_path, task, *more), store, compute, SilentProgress()).path
        also = ("embedding_scores", "embedding_gradients", "layers", *tables)
        found[name] = {t: repr(rows) for t, rows in contents(path, also).items()}
        facts[name] = read_facts(path).meta
    assert found["split"] == found["whole"]
    assert with_adapter.count(True) == 1
    assert with_adapter.count(False) > 3
    assert "on disk" in facts["split"].provenance["final_split"]
    assert "final_split" not in facts["whole"].provenance


def test_where_all_fits_all_devices_are_one(tmp_path, tiny, assay):
    """`--device all` is taken, and models that fit stay whole."""
    words = ["--base", tiny / "base", "--final", tiny / "final", "--no-map", "--json"]
    few = ["--strategy", "select", "--budget", "9", "--student-epochs", "0", "--device", "all"]
    done = assay("audit", *words, "--seed-corpus", tiny / "leaked.jsonl", *few)
    assert done.status == 0, done.err
    assert "final_split" not in read_facts(Path(json.loads(done.out)["path"])).meta.provenance


def spec(command, **options):
    pair = {"base": "b", "final": "f"}
    return command.build({**pair, **options})


CONFLICTS = {
    "students in all their weights": (
        spec(AUDIT, seed_corpus=["p"]),
        {},
        "--student-adapter lora",
    ),
    "students of a titration": (
        spec(TITRATE, reference="r", held_out="h", out_of_domain=["o"], test="t", students=True),
        {},
        "or remove --students",
    ),
    "students of corpora": (
        spec(RANK_CORPORA, corpus=["a", "b"], students=1),
        {},
        "give --students 0",
    ),
    "a cluster": (
        spec(AUDIT, seed_corpus=["p"], student_epochs=0),
        {"engine": WorkEngine.RAY},
        "--shard",
    ),
    "a bound on memory": (
        spec(AUDIT, seed_corpus=["p"], student_epochs=0),
        {"is_bounded": True},
        "remove --memory",
    ),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_what_cannot_be_split_is_refused_before_it_starts(case):
    """With --device all only: the same options are right with another device."""
    asked, how, words = CONFLICTS[case]
    with pytest.raises(OptionConflict, match=words):
        check_device(asked, "all", **how)
    check_device(asked, "cuda:1", **how)
    check_device(spec(AUDIT, seed_corpus=["p"], student_adapter="lora"), "all")


def test_a_command_says_what_cannot_be_split(tiny, assay):
    """Before anything is loaded, also for a job that is queued and one part of an audit."""
    words = ["--base", tiny / "base", "--final", tiny / "final", "--device", "all"]
    words += ["--seed-corpus", tiny / "leaked.jsonl"]
    for more in ((), ("--queue",), ("--shard", "1/2")):
        refused = assay("audit", *words, *more)
        assert refused.status == 2
        assert "add --student-adapter lora" in refused.err
    base = ["--base", tiny / "base", "--data", tiny / "train.jsonl", "--out", tiny / "new"]
    refused = assay("finetune", *base, "--device", "all")
    assert refused.status == 2
    assert "one device" in refused.err
