"""`assay suspect` on real tiny models: what it finds, refuses and says, and what is kept of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file, save_file
from scipy.stats import kstest
from support.endings import assert_ends_for_people
from support.pages import opened, words
from support.suspect_models import CPU, pool, tuned
from support.suspect_record import write_sample_suspects

from assay.cache.store import Store
from assay.core.audit.suspect_scores import SuspectScores
from assay.core.audit.suspect_test import _Sets, _tested, run_suspect_test
from assay.core.findings.suspect_test import declared, suspect_finding
from assay.core.models.examples import TextDocument
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import text_hash
from assay.core.specs.results.suspect_test import RuledOut
from assay.core.specs.strategies import ALIGNMENT, Baseline, Strategy
from assay.core.specs.suspect import SuspectSpec
from assay.core.stats.suspect_test import (
    used_test,
)
from assay.pages.components.escaping import markdown_safe

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A model that knows 60 documents by heart; 120 more of the same kind, and 60 of another."""
    folder = tmp_path_factory.mktemp("suspect")
    rows = pool(180, seed=21)
    other = pd.DataFrame({"text": [f"{text} and so on" for text in rows["text"][120:]]})
    tuned(folder, rows[:60])
    for name, part in (
        ("used", rows[:60]),
        ("held-out", rows[60:120]),
        ("unused", rows[120:]),
        ("other", other),
    ):
        part.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    return folder


def command(world, suspects, controls, *more):
    return (
        *("suspect", "--base", world / "base", "--final", world / "final"),
        *("--suspects", world / f"{suspects}.jsonl", "--controls", world / f"{controls}.jsonl"),
        *("--precision", "fp32", "--json", *more),
    )


def test_documents_used_are_found_and_unused_ones_are_not(world, assay):
    """Documents learnt by heart get a tiny p-value against held-out ones; others like them do not,
    and the sentence says that this is no proof of innocence."""
    done = assay(*command(world, "used", "held-out"))
    found = json.loads(done.out)
    assert done.status == 0
    assert found["p_value"] < 1e-3
    assert found["auc"]["low"] > 0.55
    assert found["declared"] == [Strategy.EMBEDDING_MATCH, ALIGNMENT, Baseline.LOSS_RATIO]
    assert found["components"][0]["p_value"] < 0.05
    assert "favours the suspects" in found["says"][0]
    assert len(found["assumes"]) == 4
    told = assay(*(one for one in command(world, "used", "held-out") if one != "--json")).out
    assert_ends_for_people(told, "suspects")
    assert told.splitlines()[0] == found["says"][0]
    unused = json.loads(assay(*command(world, "unused", "held-out")).out)
    assert unused["p_value"] > 0.01
    assert "does not prove" in " ".join(unused["says"])


def test_documents_with_words_that_training_never_read_are_ruled_out():
    """The finding counts them, whatever the comparison says; a test whose embeddings prove nothing
    says nothing of the kind."""
    record = write_sample_suspects(Store.default())
    assert "can have been trained on" not in " ".join(suspect_finding(record).sentences)
    some = replace(record, ruled_out=RuledOut(30, 12))
    assert "At most 10 of the 40 suspects" in suspect_finding(some).sentences[-1]
    assert "12 of the 40 controls" in suspect_finding(some).sentences[-1]
    every = replace(record, ruled_out=RuledOut(40, 40))
    assert "No suspect can have been" in suspect_finding(every).sentences[-1]
    assert suspect_finding(replace(record, ruled_out=RuledOut(0, 3))) == suspect_finding(record)


def test_frozen_embeddings_leave_the_other_scores(world, assay, tmp_path):
    """Where the embeddings were not trained, the last layer's and the losses' scores are combined,
    and the record says why."""
    final = tmp_path / "final"
    shutil.copytree(world / "final", final)
    weights = {**load_file(final / "model.safetensors")}
    start = load_file(world / "base" / "model.safetensors")
    table = "bert.embeddings.word_embeddings.weight"
    weights[table] = start[table]
    save_file(weights, final / "model.safetensors", {"format": "pt"})
    done = assay(
        *("suspect", "--base", world / "base", "--final", final, "--json"),
        *("--suspects", world / "used.jsonl", "--controls", world / "held-out.jsonl"),
    )
    found = json.loads(done.out)
    assert found["declared"] == [ALIGNMENT, Baseline.LOSS_RATIO]
    assert any("input embeddings could not be compared" in line for line in found["caveats"])
    assert "ruled_out" not in found or found["ruled_out"] is None


def test_sets_told_apart_without_a_model_are_refused(world, assay):
    """Suspects with words of their own get no p-value, exit status 2 and a reason; the scores are
    not even compared, and the refusal is kept."""
    done = assay(*command(world, "other", "held-out"))
    found = json.loads(done.out)
    assert done.status == 2
    assert found["is_refused"]
    assert found["p_value"] is None
    assert found["auc"] is None
    assert "look alike to a classifier that sees no model" in done.err
    assert done.err.count("\n") <= 12
    record = Store.default().suspect_tests.read(found["test_id"])
    assert record.scores is None
    assert record.components == ()


def test_the_same_question_is_answered_once(world, monkeypatch):
    """A second run reads the record, which names every document; another seed asks anew."""
    store = Store.default()

    def run(seed):
        refs = [DataRef(str(world / f"{name}.jsonl")) for name in ("unused", "held-out")]
        spec = SuspectSpec(str(world / "base"), str(world / "final"), *refs, seed=seed)
        return run_suspect_test(spec, store, CPU, SilentProgress())

    first = run(0)
    texts = pd.read_json(world / "unused.jsonl", lines=True)["text"]
    assert first.documents.suspects == tuple(text_hash(text) for text in texts)
    assert len(first.documents.controls) == len(first.scores.controls)
    monkeypatch.setattr("assay.core.audit.suspect_test.load_pair", None)
    assert run(0) == first
    with pytest.raises(TypeError):
        run(1)


def test_what_cannot_be_tested_is_said(world, assay, tmp_path):
    """Too few documents, or the same in both sets, is bad input with one sentence."""
    few = tmp_path / "few.jsonl"
    pool(180, seed=21)[:5].to_json(few, orient="records", lines=True)
    done = assay(*command(world, "used", "used"))
    assert done.status == 2
    assert "not in the other set" in done.err
    again = assay(
        *("suspect", "--base", world / "base", "--final", world / "final"),
        *("--suspects", few, "--controls", world / "held-out.jsonl"),
    )
    assert again.status == 2
    assert "at least 10 different suspects" in again.err


def test_p_values_of_a_real_model_are_uniform_where_nothing_was_used(world):
    """Of one fine-tuned model, held-out documents split at random 300 times get uniform p-values;
    splits with used documents among the suspects do not."""
    refs = [DataRef(str(world / f"{name}.jsonl")) for name in ("used", "held-out")]
    spec = SuspectSpec(str(world / "base"), str(world / "final"), *refs)
    record = run_suspect_test(spec, Store.default(), CPU, SilentProgress())
    used, held_out = (np.array(getattr(record.scores, name)) for name in ("suspects", "controls"))
    rng = np.random.default_rng(1)

    def p_value(scores, is_suspect, seed):
        return used_test({"combined": scores}, is_suspect, seed, 499).p_value

    half = np.arange(60) < 30
    null = [p_value(rng.permutation(held_out), half, seed) for seed in range(300)]
    assert kstest(null, "uniform").pvalue > 0.01
    mixed = []
    for seed in range(50):
        halves = [rng.permutation(scores)[:30] for scores in (used, held_out)]
        mixed.append(p_value(np.concatenate(halves), half, seed))
    assert np.mean(np.array(mixed) < 0.05) > 0.6


def test_a_test_says_what_it_compared():
    """Means and highest scores; a record of the earlier test, which compared means alone, is read
    and says so; a bound is named with evidence and not without."""
    record = write_sample_suspects(Store.default(), shift=1.5)
    said = " ".join(suspect_finding(record).sentences)
    assert record.n_at_least > 0
    assert f"At least {record.n_at_least} of the 40 suspects were trained on" in said
    assert "by their highest scores" in said
    assert "1.5 z" in declared(record)
    assert "At least" not in " ".join(suspect_finding(record, n_tests=10**6).sentences)
    path = Store.default().suspect_tests.folder / f"{record.test_id}.json"
    plain = json.loads(path.read_text())
    del plain["p_values"], plain["n_at_least"]
    path.write_text(json.dumps(plain))
    earlier = Store.default().suspect_tests.read(record.test_id)
    assert earlier.p_value == record.p_value
    said = " ".join(suspect_finding(earlier).sentences)
    assert "at least as large a difference of their mean scores" in said
    assert "At least" not in said
    assert "compares the means of a combined score" in declared(earlier)


def test_the_page_says_what_the_record_says(world):
    """Headline, checks, assumptions and the p-value of a test; a refusal shows no score."""
    store = Store.default()
    assert "no suspect test yet" in words(opened("suspects"))
    for suspects in ("used", "other"):
        refs = [DataRef(str(world / f"{name}.jsonl")) for name in (suspects, "held-out")]
        spec = SuspectSpec(str(world / "base"), str(world / "final"), *refs, title=suspects)
        run_suspect_test(spec, store, CPU, SilentProgress())
    records = {record.title: record for record in store.suspect_tests.all()}
    app = opened("suspects", test=records["used"].test_id)
    text = words(app).replace("\\", "")
    headline = suspect_finding(records["used"]).headline
    assert markdown_safe(headline).replace("\\", "") in text
    assert "certainly" not in headline
    assert "trained on" not in headline
    assert len(app.get("plotly_chart")) == 1
    refused = opened("suspects", test=records["other"].test_id)
    assert "Refused" in words(refused)
    assert not refused.get("plotly_chart")
    assert "no suspect test named" in opened("suspects", test="gone").warning[0].value


def test_a_damaged_record_is_not_read():
    """Half a file, a foreign name or another's contents count as no record."""
    store = Store.default()
    shelf = store.suspect_tests
    name = write_sample_suspects(store).test_id
    path = shelf.folder / f"{name}.json"
    (shelf.folder / "suspect-ffffffffffff.json").write_text(path.read_text())
    (shelf.folder / "notes.json").write_text("{}")
    assert [r.test_id for r in shelf.all()] == [name]
    path.write_text(path.read_text()[:20])
    assert shelf.all() == []
    assert shelf.read(f"../{name}") is None


def judged(scores):
    """The test's own verdict on scores made up here, of sets that no text tells apart."""
    rng = np.random.default_rng(5)
    words_of = ["rain", "sun", "wind", "snow", "fog", "hail"]
    texts = [" ".join(rng.choice(words_of, 8)) for _ in range(80)]
    sets = _Sets([TextDocument(text) for text in texts], np.arange(80) < 40, 0)
    spec = SuspectSpec("base", "final", DataRef("mine.jsonl"), DataRef("others.jsonl"))
    losses = np.random.default_rng(6).normal(size=80)
    given = SuspectScores(scores, losses, None, ())
    test = _tested(spec, sets, given, SilentProgress())
    return replace(write_sample_suspects(Store.default()), **vars(test))


def test_scores_that_are_all_the_same_are_no_evidence_either_way():
    """Where every score is constant but for rounding, the test is refused and says why."""
    noise = np.random.default_rng(0).normal(size=80) * 1e-9
    record = judged({ALIGNMENT: 1 + noise, Baseline.LOSS_RATIO: np.zeros(80)})
    assert record.is_refused
    assert record.p_value is None
    said = suspect_finding(record)
    assert "nothing to compare by" in said.headline
    assert "the same score by" in said.sentences[0]


def test_one_constant_score_is_named_and_adds_nothing():
    """Its rounding errors, ranked, would be noise beside the other score; two scores that vary are
    not called constant."""
    rng = np.random.default_rng(1)
    varying = rng.normal(size=80)
    flat = 3 + rng.normal(size=80) * 1e-9
    record = judged({ALIGNMENT: varying, Baseline.LOSS_RATIO: flat})
    assert record.constant == (Baseline.LOSS_RATIO,)
    assert [part.name for part in record.components] == [ALIGNMENT]
    assert record.p_value == judged({ALIGNMENT: varying}).p_value
    assert "adds nothing" in " ".join(suspect_finding(record).sentences)
    both = judged({ALIGNMENT: varying, Baseline.LOSS_RATIO: rng.normal(size=80)})
    assert both.constant == ()
    assert "adds nothing" not in " ".join(suspect_finding(both).sentences)
