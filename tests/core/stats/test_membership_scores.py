"""Membership baselines against the plain models, their judgement, and the audits that hold them."""

from __future__ import annotations

import zlib
from itertools import combinations

import duckdb
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import mannwhitneyu, norm
from sklearn.metrics import roc_auc_score, roc_curve
from support.tiny_models import documents, save_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

from assay.cache.store import Store
from assay.core.audit.finetune import finetune
from assay.core.audit.run import run_audit
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import DataRef, Task
from assay.core.specs.strategies import BLIND, Baseline, Strategy, baselines_for
from assay.core.specs.training import FinetuneSpec, TrainingSpec
from assay.core.stats.auc import auc_with_interval, difference, found_share, n_found_at, roc
from assay.core.stats.membership_scores import (
    TokenEvidence,
    error_zone,
    min_k_plus_plus,
    window_votes,
)
from assay.core.stats.permutation_null import auc_by_chance, found_by_chance

pytestmark = pytest.mark.trains

CPU = Compute("cpu", False, 1)
STRATEGIES = (Strategy.RANDOM, Strategy.TOP_K, Strategy.SELECT)


def ask(path, query, values=()):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query, list(values)).fetchall()


def scores_of(path, scorer):
    rows = ask(
        path, "SELECT score FROM membership_scores WHERE scorer = ? ORDER BY document_id", [scorer]
    )
    return np.array([row[0] for row in rows])


def metrics_of(path):
    columns = "subject, metric, value, low, high, null_low, null_high, p_value, n"
    with duckdb.connect(str(path), read_only=True) as connection:
        frame = connection.execute(f"SELECT {columns} FROM metrics").df()
    return frame.set_index(["subject", "metric"])


def sealed(spec, store):
    return run_audit(spec, store, CPU, SilentProgress()).path


def tune(folder, base, final, data, learning_rate, n_epochs):
    training = TrainingSpec(
        learning_rate=learning_rate, batch_size=10, n_epochs=n_epochs, max_tokens=32
    )
    wanted = FinetuneSpec(str(folder / base), data, training, Task.SFT)
    finetune(wanted, folder / final, folder, CPU, SilentProgress())


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory):
    """A language model trained to know 60 documents by heart, and its audit.

    60 more were drawn like them and held out; 40 are of another kind.
    """
    folder = tmp_path_factory.mktemp("overfitted")
    texts = list(dict.fromkeys(documents(400, seed=3)[0]))
    other = [" ".join(reversed(text.split())) + " 1 2 3" for text in texts[200:240]]
    parts = {"train": texts[:60], "held-out": texts[60:120], "more": texts[120:200]}
    for name, part in {**parts, "other": other}.items():
        pd.DataFrame({"text": part}).to_json(folder / f"{name}.jsonl", orient="records", lines=True)
    data = DataRef(str(folder / "train.jsonl"))
    save_llama(folder / "untrained")
    tune(folder, "untrained", "base", DataRef(str(folder / "more.jsonl")), 1e-2, 20)
    tune(folder, "base", "final", data, 3e-3, 40)
    spec = AuditSpec(
        base=str(folder / "base"),
        final=str(folder / "final"),
        seed_corpus=tuple(
            DataRef(str(folder / f"{name}.jsonl")) for name in ("train", "held-out", "other")
        ),
        task=Task.SFT,
        budget=20,
        strategies=STRATEGIES,
        reference=data,
        held_out_source="held-out",
        n_student_epochs=0,
    )
    return folder, sealed(spec, Store(folder / "home"))


def test_scores_are_those_of_the_plain_models(overfitted):
    """Every baseline of every document equals what a loop over Transformers' own logits gives."""
    folder, path = overfitted
    tokenizer = AutoTokenizer.from_pretrained(folder / "final")
    models = [AutoModelForCausalLM.from_pretrained(folder / n).eval() for n in ("base", "final")]
    texts = [row[0] for row in ask(path, "SELECT text FROM documents ORDER BY document_id")]
    assert len(texts) == 160
    found = {name: scores_of(path, name) for name in baselines_for(Task.SFT)}
    for number in range(0, len(texts), 9):
        ids = tokenizer(texts[number], return_tensors="pt").input_ids[:, :32]
        with torch.no_grad():
            base, final = (model(ids).logits[0, :-1].log_softmax(-1).double() for model in models)
        targets = ids[0, 1:]
        every = torch.arange(len(targets))
        own_base, own = base[every, targets].numpy(), final[every, targets].numpy()
        mean = (final.exp() * final).sum(-1).numpy()
        deviation = ((final.exp() * final**2).sum(-1).numpy() - mean**2) ** 0.5
        lowest = np.sort((own - mean) / deviation)[: max(1, len(own) // 5)]
        is_error = (final.argmax(-1) != targets).numpy()
        shifts = (own - own_base)[1:][is_error[1:]]
        rises, falls = shifts[shifts > 0].sum(), -shifts[shifts < 0].sum()
        error_zone = rises / (rises + falls) if falls else 1 + rises / (1 + rises)
        votes = [
            np.mean([(own - own_base)[i : i + w].sum() > 0 for i in range(len(own) - w + 1)])
            for w in (min(size, len(own)) for size in [2, 3, 4, 6, 9, 13, 18, 25, 32, 40])
        ]
        n_bytes = len(zlib.compress(tokenizer.decode(targets).encode()))
        expected = {
            Baseline.FINAL_LOSS: own.mean(),
            Baseline.LOSS_RATIO: own_base.mean() / own.mean(),
            Baseline.MIN_K: lowest.mean(),
            Baseline.ZLIB: own.mean() / n_bytes,
            Baseline.ERROR_ZONE: error_zone if len(shifts) > 1 else 0.0,
            Baseline.WINDOWS: np.mean(votes),
        }
        for name, value in expected.items():
            assert found[name][number] == pytest.approx(value, rel=2e-3, abs=1e-4), name


def test_what_was_learnt_by_heart_is_told_and_random_is_not(overfitted):
    """Every loss-based baseline tells members of an overfitted model; random selection does not,
    nor does text alone, which sees no model."""
    _, path = overfitted
    rows = metrics_of(path)
    for name in (Baseline.LOSS_RATIO, Baseline.WINDOWS, Baseline.FINAL_LOSS, Baseline.ZLIB):
        auc = rows.loc[(name, "membership-auc")]
        assert auc["low"] > 0.6, name
        assert auc["p_value"] < 1e-4, name
        assert auc["value"] > auc["null_high"]
    for name in (Strategy.RANDOM, BLIND):
        auc = rows.loc[(name, "membership-auc")]
        assert auc["low"] < 0.5 < auc["high"], name
        assert auc["p_value"] > 0.01


def test_judgement_follows_from_the_stored_scores(overfitted):
    """AUCs are scikit-learn's of the stored scores and of the true roles; the lead is their
    difference from SELECT's."""
    _, path = overfitted
    rows = metrics_of(path)
    roles = ask(path, "SELECT in_reference, source FROM documents ORDER BY document_id")
    is_trained = np.array([known for known, _ in roles])
    is_inside = np.array([known or source == "held-out" for known, source in roles])
    main = rows.loc[(Strategy.SELECT, "membership-auc"), "value"]
    for name in (*STRATEGIES, *baselines_for(Task.SFT), BLIND):
        scores = scores_of(path, name)
        expected = roc_auc_score(is_trained[is_inside], scores[is_inside])
        assert rows.loc[(name, "membership-auc"), "value"] == pytest.approx(expected)
        if name is not Strategy.SELECT:
            lead = rows.loc[(name, "membership-lead"), "value"]
            assert lead == pytest.approx(expected - main)
        if name != BLIND:
            domain = roc_auc_score(is_inside, scores)
            assert rows.loc[(name, "domain-auc"), "value"] == pytest.approx(domain)


def test_prevalence_of_an_overfitted_model_is_found(overfitted):
    """The estimated share of members among in-domain documents holds the truth, a half."""
    _, path = overfitted
    row = metrics_of(path).loc[(Baseline.LOSS_RATIO, "prevalence")]
    assert row["low"] <= 0.5 <= row["high"]
    assert row["low"] > 0
    assert row["n"] == 60


def test_a_classifier_is_judged_by_what_labels_give(tiny, tmp_path):
    """A classification audit has the three baselines of labels, from its own stored scores, and
    none of those that need tokens."""
    spec = AuditSpec(
        base=str(tiny / "base"),
        final=str(tiny / "final"),
        seed_corpus=tuple(
            DataRef(str(tiny / f"{name}.jsonl")) for name in ("leaked", "held-out", "noise")
        ),
        budget=20,
        strategies=STRATEGIES,
        reference=DataRef(str(tiny / "train.jsonl"), label_column="label"),
        held_out_source="held-out",
        n_student_epochs=0,
    )
    path = sealed(spec, Store(tmp_path / "home"))
    stored = {row[0] for row in ask(path, "SELECT DISTINCT scorer FROM membership_scores")}
    assert stored == {*STRATEGIES, BLIND, *baselines_for(Task.CLASSIFICATION)}
    columns = ask(path, "SELECT base_loss, final_probability FROM scores ORDER BY document_id")
    base_loss, probability = np.array(columns, float).T
    gain = probability - np.exp(-base_loss)
    assert np.allclose(scores_of(path, Baseline.CONFIDENCE_GAIN), gain)
    assert np.allclose(scores_of(path, Baseline.FINAL_LOSS), np.log(probability), atol=1e-6)


def evidence(final, base=0.0, is_error=True):
    final = np.asarray(final, float)
    every = np.ones(len(final))
    return TokenEvidence(
        base * every, final, -2 * every, 0.5 * every, np.full(len(final), is_error), 10
    )


def test_documents_at_the_edge_have_scores():
    """One token, no error, no difference and a deviation of zero give scores, not failures."""
    assert window_votes(np.array([0.3])) == 1
    assert window_votes(np.array([-0.3])) == 0
    assert error_zone(evidence([-1.0, -2.0, -3.0], is_error=False)) == 0
    assert error_zone(evidence([0.0, 0.0, 0.0])) == 0.5
    assert min_k_plus_plus(evidence([-1.0])) == pytest.approx(2.0)
    flat = TokenEvidence(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2, bool), 10)
    assert np.isfinite(min_k_plus_plus(flat))


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([9.0, 3.0, -1.0, 2.0], 5 / 6),  # P = 3 + 2, N = 1: the first token does not count
        ([-9.0, -1.0, -2.0], 0.0),
        ([9.0, 4.0], 0.0),  # one wrong token besides the first says nothing
        ([0.0, 1.0, 2.0], 1.75),  # nothing fell: above every ratio, by how much rose
        ([0.0, 1.0, 0.0], 1.5),
    ],
)
def test_the_error_zone_by_hand(shifts, expected):
    """EZ-MIA's released definition, of values computed by hand."""
    assert error_zone(evidence(shifts)) == pytest.approx(expected)


def test_windows_by_hand():
    """Every window size votes: those longer than the document as the whole of it."""
    # Of 1 −2 1 1: pairs −1 −1 2 give ⅓, triples 0 0 give 0, the whole 1 gives 1, eight times.
    assert window_votes(np.array([1.0, -2.0, 1.0, 1.0])) == pytest.approx((1 / 3 + 0 + 8) / 10)
    # 41 tokens that rose by 1 but for one in the midst that fell by 5: a window of at most six
    # tokens that holds it is not above zero, and as many of them hold it as they are long.
    shifts = np.ones(41)
    shifts[20] = -5.0
    losing = {2: 2, 3: 3, 4: 4, 6: 6}
    votes = [1 - losing.get(w, 0) / (42 - w) for w in (2, 3, 4, 6, 9, 13, 18, 25, 32, 40)]
    assert window_votes(shifts) == pytest.approx(np.mean(votes))


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_auc_intervals_cover(shift):
    """About 95% of intervals hold the true AUC, at chance and near 1."""
    rng = np.random.default_rng(1)
    truth = norm.cdf(shift / 2**0.5)
    held = [
        found.low <= truth <= found.high
        for found in (
            auc_with_interval(rng.normal(size=50) + shift, rng.normal(size=70)).auc
            for _ in range(400)
        )
    ]
    assert 0.91 <= np.mean(held) <= 0.995


def test_a_perfect_ranking_keeps_an_open_interval():
    """With every positive above every negative the interval does not close on 1."""
    found = auc_with_interval(np.arange(10.0) + 10, np.arange(20.0) - 20).auc
    assert found.value == 1
    assert found.low == pytest.approx(0.722, abs=0.01)


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_true_positive_rates_cover(share):
    """At least 95% of intervals hold the share above the threshold that truly mistakes ``share``,
    which Clopper and Pearson's alone, blind to the negatives being a sample, do not."""
    rng = np.random.default_rng(2)
    truth = norm.sf(norm.isf(share) - 1.5)
    held = []
    for _ in range(200):
        found = found_share(rng.normal(size=200) + 1.5, rng.normal(size=200), share)
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.95


def test_the_curve_is_that_of_scikit_learn():
    """False and true positive rates at every threshold, ties among them."""
    rng = np.random.default_rng(3)
    positive, negative = rng.integers(0, 9, 40) + 2.0, rng.integers(0, 9, 60) + 0.0
    ours = roc(positive, negative)
    truth = np.concatenate([np.ones(40), np.zeros(60)])
    theirs = roc_curve(truth, np.concatenate([positive, negative]), drop_intermediate=False)
    assert np.allclose(ours[0], theirs[0][1:])
    assert np.allclose(ours[1], theirs[1][1:])


def test_p_values_of_a_difference_are_fair_and_find_a_true_one():
    """Two equally good, correlated scores differ significantly in 5% of draws; a better one mostly
    does."""
    rng = np.random.default_rng(4)

    def p_value(noise):
        positive, negative = rng.normal(size=80) + 1, rng.normal(size=80)
        first = [group + rng.normal(size=80) for group in (positive, negative)]
        second = [group + noise * rng.normal(size=80) for group in (positive, negative)]
        return difference(*first, *second).p_value

    assert np.mean([p_value(1) < 0.05 for _ in range(400)]) == pytest.approx(0.05, abs=0.03)
    assert np.mean([p_value(4) < 0.05 for _ in range(100)]) > 0.6
    scores = rng.normal(size=20)
    assert difference(scores, -scores, scores, -scores).p_value == 1


def test_shuffled_roles_agree_with_mann_and_whitney():
    """The permutation band of the AUC holds 95% of what its closed-form null says."""
    rng = np.random.default_rng(5)
    positive, negative = rng.normal(size=60), rng.normal(size=90)
    found = auc_by_chance(positive, negative)
    assert found.p_value == mannwhitneyu(positive, negative, alternative="greater").pvalue
    reach = 1.96 * (151 / (12 * 60 * 90)) ** 0.5
    assert found.null.low == pytest.approx(0.5 - reach, abs=0.02)
    assert found.null.high == pytest.approx(0.5 + reach, abs=0.02)


def test_the_null_of_found_documents_is_fair():
    """Without a signal its p-value is below 0.1 in at most 13% of draws; with one it is small."""
    rng = np.random.default_rng(6)
    values = [
        found_by_chance(rng.normal(size=60), rng.normal(size=120), 0.05, seed).p_value
        for seed in range(100)
    ]
    assert np.mean(np.array(values) <= 0.1) <= 0.13
    assert found_by_chance(rng.normal(size=60) + 2, rng.normal(size=120), 0.05).p_value < 0.01


def test_the_p_value_of_found_documents_is_that_of_all_assignments():
    """It is the share of all assignments of roles that find as many, has no floor at one of 999
    shuffles, and is too high rather than too low where scores are tied."""
    scores = np.array([9.0, 8, 7, 6, 5, 4, 3, 2, 1, 0])

    def n_found(positive):
        negative = np.delete(scores, positive)
        return int((scores[list(positive)] > np.sort(negative)[-2]).sum())

    drawn = [n_found(list(one)) for one in combinations(range(10), 4)]
    for positive in ([0, 1, 2, 5], [0, 3, 4, 9], [6, 7, 8, 9]):
        found = found_by_chance(scores[positive], np.delete(scores, positive), 0.17)
        assert found.p_value == pytest.approx(np.mean(np.array(drawn) >= n_found(positive)))
    far = found_by_chance(np.arange(60.0) + 200, np.arange(120.0), 0.05)
    assert far.p_value < 1e-9
    assert found_by_chance(np.zeros(30), np.zeros(50), 0.05).p_value == 1


def test_found_counts_are_those_above_the_threshold():
    """The point estimate is the count above all but the allowed negatives."""
    negative = np.arange(200.0)
    assert found_share(np.array([150.0, 197.5, 198.5, 300.0]), negative, 0.01).value == 3 / 4
    assert n_found_at(np.array([197.0]), negative, 0.01) == 0
