"""Suspect tests: p-values uniform where nothing was used, small where it was, or refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import load_file, save_file
from scipy.stats import kstest, rankdata
from support.endings import assert_ends_for_people
from support.pages import opened, words
from support.suspect_models import CPU, pool, tuned
from support.suspect_record import write_sample_suspects
from support.tiny_models import documents

from assay.cache.store import Store
from assay.core.audit.suspect_scores import SuspectScores
from assay.core.audit.suspect_test import _Sets, _tested, run_suspect_test
from assay.core.findings.suspect_test import declared, suspect_finding
from assay.core.models.examples import TextDocument
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import SuspectSpec
from assay.core.specs.data import DataRef
from assay.core.specs.hashing import text_hash
from assay.core.specs.results.suspect_test import RuledOut
from assay.core.specs.strategies import ALIGNMENT, Baseline, Strategy
from assay.core.stats.suspect_test import (
    _n_at_least,
    _p_values,
    combined,
    separability_by,
    separability_by_words,
    standing_out,
    used_test,
)

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


def test_p_values_are_uniform_under_the_null():
    """Over 400 shuffles of roles, with skewed and tied scores, p is uniform (Kolmogorov–Smirnov);
    with a shift in the suspects it is not."""
    rng = np.random.default_rng(0)
    shares = {}
    for shift in (0.0, 0.6):
        values = []
        for seed in range(400):
            scores = {"skewed": rng.lognormal(size=60), "tied": rng.integers(0, 4, 60) + 0.0}
            is_suspect = rng.permutation(60) < 25
            scores["skewed"] += shift * is_suspect
            values.append(used_test(scores, is_suspect, seed, 199).p_value)
        shares[shift] = kstest(values, "uniform").pvalue
    assert shares[0.0] > 0.01
    assert shares[0.6] < 1e-6


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


def test_alike_sets_are_rarely_refused_and_others_always():
    """Words refuse few of 60 random splits of one corpus, and always one that differs in a word."""
    texts = documents(120, seed=5)[0]
    is_suspect = np.arange(120) < 60
    rng = np.random.default_rng(2)
    refused = [
        separability_by_words(
            [texts[i] for i in rng.permutation(120)], is_suspect, seed
        ).is_separable
        for seed in range(60)
    ]
    assert np.mean(refused) <= 0.15
    marked = [f"{text} indeed" if i < 60 else text for i, text in enumerate(texts)]
    assert separability_by_words(marked, is_suspect, 0).is_separable
    lengths = np.array([len(text) for text in texts], float)
    assert separability_by("length", lengths + 20 * ~is_suspect, is_suspect).is_separable


def test_a_constant_score_adds_nothing():
    """A pair whose head did not move has no alignment; the test then rests on the others."""
    rng = np.random.default_rng(3)
    values = rng.normal(size=40)
    for of in (combined, standing_out):
        both = of({"constant": np.zeros(40), Strategy.EMBEDDING_MATCH: np.ones(40), "real": values})
        assert np.array_equal(both, of({"real": values}))
        assert not of({"constant": np.zeros(40)}).any()


def test_trained_parts_share_two_thirds_of_the_weight():
    """However many of them and of other scores there are."""
    rng = np.random.default_rng(4)
    scores = {name: rng.normal(size=50) for name in (Strategy.EMBEDDING_MATCH, "a", "b", "c")}
    alone = {name: combined({name: own}) for name, own in scores.items()}
    others = np.mean([alone[name] for name in "abc"], axis=0)
    wanted = (2 * alone[Strategy.EMBEDDING_MATCH] + others) / 3
    assert np.allclose(combined(scores), wanted)
    assert not np.allclose(combined(scores), np.mean(list(alone.values()), axis=0))
    scores[Strategy.LAYER_MATCH] = rng.normal(size=50)
    layers = combined({Strategy.LAYER_MATCH: scores[Strategy.LAYER_MATCH]})
    assert np.allclose(combined(scores), (alone[Strategy.EMBEDDING_MATCH] + layers + others) / 3)


@given(
    scores=hnp.arrays(np.float64, (2, 7), elements=st.integers(-3, 3).map(float)),
    is_ruled_out=hnp.arrays(np.bool_, 7),
)
@settings(max_examples=12, deadline=None)
def test_no_level_is_exceeded_whatever_the_scores(scores, is_ruled_out):
    """Over all 35 choices of suspects among seven documents, each with its exact p-value, at most a
    share α has p ≤ α, for every α: with ties, constant scores and documents ruled out."""
    known = {Strategy.EMBEDDING_MATCH: scores[0], "other": scores[1]}
    p_values = [
        used_test(known, np.isin(np.arange(7), suspects), 0, 99, is_ruled_out=is_ruled_out).p_value
        for suspects in combinations(range(7), 3)
    ]
    shares = rankdata(p_values, method="max") / len(p_values)
    assert np.all(shares <= np.array(p_values) + 1e-12)


def test_both_statistics_are_shuffled_alike():
    """The smaller of two p-values is corrected by their joint distribution, which needs the same
    shuffles: two equal rows of statistics get equal p-values in every shuffle, across batches."""
    values = np.random.default_rng(9).normal(size=40)
    found = _p_values(np.stack([values, values]), np.arange(40) < 20, 0, 600)
    assert found.shape == (2, 601)
    assert np.array_equal(found[0], found[1])
    assert found[0].min() < 0.01 < 0.99 < found[0].max()


def drawn(n_standing_out, seed, n_controls=100):
    """100 suspects, some of them six standard deviations above the controls."""
    values = np.random.default_rng(seed).normal(size=100 + n_controls)
    values[:n_standing_out] += 6
    return values, np.arange(100 + n_controls) < 100


def test_few_documents_are_found_by_the_highest_scores_and_many_by_the_mean():
    """Ten of 100 suspects far above all others drown in the mean; a shift of all suspects drowns in
    the highest scores where those are outliers. The test finds both."""
    few, many = [], []
    for seed in range(20):
        values, who = drawn(10, seed)
        few.append(used_test({"a": values}, who, 0, 999))
        heavy = np.random.default_rng(seed).standard_t(2, size=200)
        many.append(used_test({"a": heavy + 1.2 * who}, who, 0, 999))

    def power(found, name):
        return np.mean([getattr(one, name) <= 0.01 for one in found])

    assert min(power(few, "p_value"), power(few, "by_highest")) >= 0.9 > power(few, "by_mean") * 2
    assert (
        min(power(many, "p_value"), power(many, "by_mean")) >= 0.9 > power(many, "by_highest") * 2
    )


def test_more_controls_find_fewer_leaked_documents():
    """Five of 100 are all at the top, which shuffles of 100 and 100 give in 3%: they are rarely
    found at 1%. Against 400 controls they always are."""
    found = {
        n_controls: [
            used_test({"a": values}, who, 0, 499).p_value <= 0.01
            for values, who in (drawn(5, seed, n_controls) for seed in range(20))
        ]
        for n_controls in (100, 400)
    }
    assert np.mean(found[100]) < 0.35
    assert np.mean(found[400]) > 0.9


def test_documents_that_are_ruled_out_hide_no_differences():
    """How many tokens rule a document out is no scale for the agreements of the others: with most
    documents ruled out, ten trained suspects are found only if the test knows which."""
    rng = np.random.default_rng(10)
    is_suspect, n_found = np.arange(200) < 100, np.zeros(2)
    for seed in range(20):
        agreements = rng.normal(0.1, 0.05, size=200)
        agreements[:10] += 0.25
        out = (rng.random(200) < 0.8) & (np.arange(200) >= 10)
        scores = {
            Strategy.EMBEDDING_MATCH: agreements - 2 * out * rng.integers(1, 7, 200),
            "other": rng.normal(size=200),
        }
        n_found += [
            used_test(scores, is_suspect, seed, 499, is_ruled_out=known).p_value <= 0.01
            for known in (out, None)
        ]
    assert n_found[0] >= 16
    assert n_found[1] <= n_found[0] / 2


@pytest.mark.parametrize("n_trained", [0, 3, 20])
def test_the_number_trained_on_is_rarely_said_to_be_larger(n_trained):
    """Over 2,000 draws with ties, the bound exceeds the truth in at most 5%, and says most of it if
    there is much to say."""
    bounds = []
    for seed in range(2_000):
        values, is_suspect = drawn(n_trained, seed)
        tied = np.round(values, 1)
        bounds.append(_n_at_least(tied[is_suspect], tied[~is_suspect]))
    assert np.mean(np.array(bounds) > n_trained) <= 0.06
    assert np.mean(bounds) >= n_trained - 8
    assert all(isinstance(one, int) for one in bounds)


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
    assert headline in text
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
