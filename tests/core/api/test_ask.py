"""`assay.audit` on tiny real models: the command line's own audits, and its errors."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import assay as library
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import Store
from assay.core.api.question import question
from assay.core.audit.store_lookups import StoreLookups
from assay.core.specs.commands import AUDIT
from assay.core.specs.data import Task
from assay.core.specs.strategies import strategies_for

pytestmark = pytest.mark.trains

SPEC = {
    "n_candidates": None,
    "task": "classification",
    "strategies": None,
    "reference": None,
    "test": None,
    "label_words": None,
    "training": None,
}


def settings(tiny, **more):
    """A small audit of the tiny models, as a notebook asks for it."""
    return {
        "base": tiny / "base",
        "final": str(tiny / "final"),
        "seed_corpus": [str(tiny / "leaked.jsonl"), tiny / "noise.jsonl"],
        "reference": tiny / "train.jsonl",
        "budget": np.int64(20),
        "strategies": ("random", library.Strategy.SELECT),
        "n_student_epochs": 0,
        "is_mapped": False,
        "precision": "fp32",
    } | more


def test_a_notebook_and_the_command_line_make_one_audit(tiny, assay, capsys):
    """Asked in Python, then on the command line, then again: one id, and computed once."""
    audit = library.audit(**settings(tiny))
    assert "gradients done" in capsys.readouterr().err
    arguments = ["--seed-corpus", tiny / "leaked.jsonl", "--seed-corpus", tiny / "noise.jsonl"]
    said = assay(
        *("audit", "--base", tiny / "base", "--final", tiny / "final", *arguments),
        *("--reference", tiny / "train.jsonl", "--budget", 20, "--student-epochs", 0),
        *("--strategy", "random", "--strategy", "select", "--no-map"),
        *("--precision", "fp32", "--json"),
    )
    answer = json.loads(said.out)
    assert (answer["audit"], answer["was_there"]) == (audit.id, True)
    capsys.readouterr()
    assert library.audit(**settings(tiny), progress=False) == audit
    silent = capsys.readouterr()
    assert silent.out + silent.err == ""
    first = JobTable(Store.default()).all()[-1]
    assert first.state is JobState.DONE
    assert first.command[0] == "audit"
    again = json.loads(assay(*first.command, "--json").out)
    assert again["audit"] == audit.id  # what the page Jobs would run to resume it
    assert library.select(audit.gradients, 20).documents == tuple(
        audit.selection("select")["document_id"]
    )


def test_an_audit_can_be_asked_for_in_another_thread(tiny):
    """Where Python allows no signal handler, the audit is made all the same."""
    made = []
    thread = threading.Thread(
        target=lambda: made.append(
            library.audit(**settings(tiny, reference=None, strategies="select"), progress=False)
        )
    )
    thread.start()
    thread.join()
    assert [audit.spec.strategies for audit in made] == [(library.Strategy.SELECT,)]


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        ({"budget": 10_000}, ["--budget", 10_000]),
        ({"budget": 0}, ["--budget", 0]),
        ({"n_checkpoints": 0}, ["--checkpoints", 0]),
        ({"response_template": "x"}, ["--response-template", "x"]),
        ({"base": "builtin:none"}, ["--base", "builtin:none"]),
        ({"seed_corpus": "gone.csv"}, ["--seed-corpus", "gone.csv"]),
        ({"seed_corpus": "decompression:gone"}, ["--seed-corpus", "decompression:gone"]),
        ({"text_column": "gone"}, ["--text-column", "gone"]),
        ({"precision": "int4"}, ["--precision", "int4"]),
        ({"device": "abacus"}, ["--device", "abacus"]),
    ],
    ids=str,
)
def test_bad_input_is_said_as_on_the_command_line(tiny, assay, change, arguments):
    """What cannot be used raises InputError with the sentence that the command prints."""
    asked = settings(tiny, reference=None, seed_corpus=tiny / "noise.jsonl") | change
    with pytest.raises(library.InputError) as error:
        library.audit(**asked, progress=False)
    usual = {
        "--base": tiny / "base",
        "--final": tiny / "final",
        "--seed-corpus": tiny / "noise.jsonl",
        "--budget": 20,
        "--precision": "fp32",
    } | dict([arguments])
    words = [word for pair in usual.items() for word in pair]
    said = assay("audit", *words, "--student-epochs", 0, "--no-map", "--strategy", "select")
    assert said.status == 2
    assert said.err.splitlines()[-1] == str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": "500"}, "whole number for budget"),
        ({"task": "translation"}, "classification, sft for task"),
        ({"strategies": ["vanish"]}, "for strategy, but got 'vanish'"),
        ({"label_words": "A,B"}, "a list of at least one value for label-words"),
        ({"seed_corpus": pd.DataFrame({"text": ["a"]})}, "but got a DataFrame; write"),
        ({"seed_corpus": []}, "a seed corpus, but got none"),
        ({"reference": 3}, "for reference, but got a int"),
        ({"reference": library.DataRef("a", sample="5")}, "whole number for reference.sample"),
        ({"training": {"seed": 1}}, "a TrainingSpec for training"),
        ({"seed_corpus": library.DataRef("a", sample=5)}, "can express, .* use n_cand"),
        ({"seed": -1}, "at least 0 for seed"),
        ({"gradient_layers": "all"}, "for gradient-layers"),
    ],
    ids=str,
)
def test_values_of_another_type_are_named(tiny, change, message):
    """What the command line's parser would refuse is bad input, too, and names the setting."""
    with pytest.raises(library.InputError, match=message):
        library.audit(**settings(tiny) | change, progress=False)


def test_columns_are_of_places_alone(tmp_path):
    """Column settings hold for places; a DataRef keeps its own, and sft reads no labels."""
    own, place = library.DataRef("own.csv", text_column="body"), "b.csv:text=line"
    pool = ["a.csv", place, own]
    asked = SPEC | {"base": "b", "final": "f", "seed_corpus": pool, "test": "t.csv"}
    spec = question(asked, Store(tmp_path), "words", None, "class", ["0=no", "1=yes"])
    others = library.DataRef("a.csv", "words"), library.DataRef("b.csv", "line")
    assert spec.seed_corpus == (*others, own)
    assert spec.test == library.DataRef("t.csv", "words", "class", label_names=("0=no", "1=yes"))
    sft = question(asked | {"task": "sft"}, Store(tmp_path), "words", "ask", "class", None)
    assert sft.test == library.DataRef("t.csv", "words", None, None, "ask")
    assert sft.strategies == strategies_for(Task.SFT)


def test_training_changes_what_was_recorded(tiny, tmp_path):
    """Given training overrules the record as the command's options do; its epochs stay."""
    given = library.TrainingSpec(learning_rate=1e-3, batch_size=8, max_tokens=24)
    asked = SPEC | settings(tiny, training=given)
    del asked["precision"]
    spec = question(asked, Store(tmp_path), "text", None, "label", None)
    recorded = json.loads((tiny / "final" / "assay_training.json").read_text())["training"]
    assert spec.training == replace(given, n_epochs=recorded["n_epochs"])
    assert recorded["n_epochs"] != given.n_epochs
    said = AUDIT.build(AUDIT.asked(spec), StoreLookups(Store(tmp_path)))
    assert said == spec
