"""Titration on arrays: the pool, each selector's score, and figures that follow from counts."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.metrics import roc_auc_score
from support.paths import ROOT
from support.titration_corpus import corpus_of

from assay.core.selection.strategies import make_selection, ranking_scores
from assay.core.selection.titration import draw_pool, titrate
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, BY_OWN_SCORE, Strategy, shown_as
from assay.core.stats.auc import auc_with_interval, n_found_at


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_pool_holds_its_share_of_the_trained_and_everything_else(share):
    """Exactly that share of the trained documents is drawn, and no other document is left out."""
    corpus = corpus_of()
    pool = draw_pool(corpus.is_trained, share, seed=3)
    assert corpus.is_trained[pool].sum() == round(share * 100)
    assert set(np.flatnonzero(~corpus.is_trained)) <= set(pool.tolist())
    assert len(set(pool.tolist())) == len(pool) == 200 + round(share * 100)


def test_pools_of_a_seed_are_nested_and_of_two_seeds_are_not():
    """A larger share adds documents to a smaller one; another seed draws others."""
    is_trained = corpus_of().is_trained
    small, large = (set(draw_pool(is_trained, s, 0).tolist()) for s in (0.2, 0.6))
    assert small < large
    assert small != set(draw_pool(is_trained, 0.2, 1).tolist())


def test_ties_do_not_favour_trained_documents():
    """With all losses equal P-min finds trained documents as often as chance, though they come
    first in the corpus."""
    corpus = corpus_of()
    corpus.inputs.base_losses[:] = 1.0
    found = [
        titrate(corpus, 1.0, 60, Strategy.P_MIN, seed).figures[Metric.PRECISION].value
        for seed in range(30)
    ]
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.04)
    assert titrate(corpus, 1.0, 60, Strategy.P_MIN, 0).figures[Metric.MEMBERSHIP_AUC].value == 0.5


def alike(corpus):
    """The same corpus, in which no document differs from another by anything but its role."""
    f = corpus.inputs.features
    f.errors[:], f.hidden[:] = f.errors[:, :1], f.hidden[:, :1]
    corpus.inputs.base_losses[:], corpus.blind[:] = 1.4, 0.2
    inner = corpus.inputs.embedding_features
    inner.errors[:], inner.hidden[:] = inner.errors[:, :1], inner.hidden[:, :1]
    for scores in corpus.inputs.own_scores.values():
        scores[:] = 0.5
    return corpus


@pytest.mark.parametrize("name", [*Strategy, BLIND])
def test_a_selector_with_nothing_to_rank_by_says_so(name):
    """Its cell says that all scores are equal; random selection ranks nothing anyway, and in a
    corpus of documents that differ no selector is a draw."""
    drawn = titrate(alike(corpus_of()), 0.5, 30, name, 0).figures
    assert (Metric.EQUAL_SCORES in drawn) == (name != Strategy.RANDOM)
    assert Metric.EQUAL_SCORES not in titrate(corpus_of(), 0.5, 30, name, 0).figures


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_corpus_in_another_order_has_the_same_expected_recall(strategy):
    """With half of the documents alike, trained ones are found as often first as last."""
    corpus = corpus_of()
    n, f = 300, corpus.inputs.features
    same = np.random.default_rng(1).permutation(n)[: n // 2]
    f.errors[:, same], f.hidden[:, same] = f.errors[:, same[:1]], f.hidden[:, same[:1]]
    corpus.inputs.base_losses[same] = 0.0
    for scores in corpus.inputs.own_scores.values():
        scores[same] = 9.0
    found = []
    for order in (np.arange(n), np.arange(n)[::-1]):
        alike = replace(corpus.inputs, pseudolabels=np.zeros(n, int), embedding_features=f)
        inputs = replace(corpus, inputs=alike).inputs_of(order)
        chosen = [make_selection(strategy, inputs, 40, 8, s) for s in range(40)]
        located = [corpus.is_trained[order[list(own.documents)]].sum() for own in chosen]
        found.append(np.mean(located))
    assert found[0] == pytest.approx(found[1], abs=2.5)


@pytest.mark.parametrize("name", [*Strategy, BLIND])
def test_figures_follow_from_the_counts(name):
    """Recall, precisions, lift and p are those of the documents chosen, by hand."""
    corpus = corpus_of(pull=1.0)
    cell = titrate(corpus, 0.4, 30, name, seed=1)
    trained, held_out = corpus.is_trained[cell.documents], corpus.is_held_out[cell.documents]
    n_located, n_inside, n_pool = trained.sum(), (trained | held_out).sum(), len(cell.pool)
    figures = cell.figures
    assert len(cell.documents) == len(cell.weights) == len(set(cell.documents)) == 30
    assert set(cell.documents.tolist()) <= set(cell.pool.tolist())
    assert figures[Metric.RECALL].value == pytest.approx(n_located / 40)
    assert figures[Metric.RECALL].ceiling == 30 / 40
    assert figures[Metric.PRECISION].value == pytest.approx(n_located / 30)
    assert figures[Metric.LIFT].value == pytest.approx(n_located / 30 / (40 / n_pool))
    assert figures[Metric.DOMAIN_PRECISION].value == pytest.approx(n_inside / 30)
    assert figures[Metric.MEMBERSHIP_PRECISION].value == pytest.approx(n_located / n_inside)
    chance = hypergeom(n_pool, 40, 30).sf(n_located - 1)
    assert figures[Metric.RECALL].p_value == pytest.approx(chance)
    for figure in figures.values():
        assert figure.low is None or figure.low <= figure.value <= figure.high


def test_no_leak_leaves_recall_and_membership_undefined():
    """Where nothing was leaked there is a domain to find, but no member and no recall."""
    figures = titrate(corpus_of(), 0.0, 30, Strategy.SELECT, seed=0).figures
    assert set(figures) == {Metric.DOMAIN_PRECISION, Metric.DOMAIN_AUC, Metric.TRANSPORT}


def test_without_held_out_documents_membership_is_not_claimed():
    """Domain and membership figures need held-out documents; recall does not."""
    figures = titrate(corpus_of(n_held_out=0), 0.5, 30, Strategy.SELECT, seed=0).figures
    assert set(figures) == {Metric.RECALL, Metric.PRECISION, Metric.LIFT, Metric.TRANSPORT}


@pytest.mark.parametrize("name", [Strategy.SELECT, Strategy.TOP_K, Strategy.TOP_K_BALANCED])
def test_a_signal_in_the_trained_is_found_as_membership_and_none_is_not(name):
    """Gradients pulled towards the target give more trained documents than chance, by the chosen
    ones and by the ranking of all; without a pull neither does."""
    found = {
        pull: titrate(corpus_of(900, 300, 300, pull=pull, width=64), 1.0, 50, name, 0).figures
        for pull in (0.0, 4.0)
    }
    assert found[4.0][Metric.MEMBERSHIP_PRECISION].p_value < 1e-4
    assert found[4.0][Metric.MEMBERSHIP_AUC].low > 0.55
    assert found[0.0][Metric.MEMBERSHIP_PRECISION].p_value > 0.01
    auc = found[0.0][Metric.MEMBERSHIP_AUC]
    assert auc.low < 0.5 < auc.high


def test_random_never_finds_a_signal():
    """However strong the pull, random selection's membership AUC stays at chance."""
    corpus = corpus_of(900, 300, 300, pull=4.0)
    auc = titrate(corpus, 1.0, 50, Strategy.RANDOM, 0).figures[Metric.MEMBERSHIP_AUC]
    assert auc.low < 0.5 < auc.high


@pytest.mark.parametrize("strategy", list(Strategy))
def test_natural_scores_rank_as_the_strategy_chooses(strategy):
    """The chosen documents are those with the highest scores, class by class for the balanced."""
    corpus = corpus_of()
    generator = np.random.default_rng(3)
    matches = {name: generator.normal(size=300) for name in BY_OWN_SCORE}
    inputs = replace(corpus.inputs, own_scores=matches)
    selection = make_selection(strategy, inputs, 30, 8, 5)
    scores = ranking_scores(strategy, inputs, selection, 5)
    chosen = list(selection.documents)
    others = np.setdiff1d(np.arange(300), chosen)
    groups = (
        corpus.inputs.pseudolabels if strategy is Strategy.TOP_K_BALANCED else np.zeros(300, int)
    )
    for group in np.unique(groups):
        inside = [d for d in chosen if groups[d] == group]
        assert scores[inside].min() > scores[others[groups[others] == group]].max()
        assert (np.diff(scores[inside]) < 0).all()


def test_auc_is_that_of_scikit_learn_with_ties():
    """The AUC agrees with a library's, ties included, and a reversed score mirrors it."""
    rng = np.random.default_rng(2)
    positive, negative = rng.integers(2, 9, 80).astype(float), rng.integers(0, 7, 120).astype(float)
    found = auc_with_interval(positive, negative).auc
    truth = np.repeat([1, 0], [80, 120])
    assert found.value == pytest.approx(roc_auc_score(truth, np.r_[positive, negative]))
    assert auc_with_interval(-positive, -negative).auc.value == pytest.approx(1 - found.value)
    assert found.low < found.value < found.high


def test_the_interval_of_an_auc_covers():
    """Of 300 draws without a signal about 95% have 0.5 in their interval."""
    rng = np.random.default_rng(0)
    intervals = [
        auc_with_interval(rng.normal(size=60), rng.normal(size=90)).auc for _ in range(300)
    ]
    covered = np.mean([interval.low <= 0.5 <= interval.high for interval in intervals])
    assert 0.9 < covered < 0.99


def test_found_at_one_percent_allows_one_mistake_in_a_hundred():
    """The threshold leaves at most that share of negatives above it."""
    negative = np.arange(200.0)
    assert n_found_at(np.array([150.0, 197.5, 198.5, 300.0]), negative, 0.01) == 3
    assert n_found_at(np.array([197.0]), negative, 0.01) == 0


@pytest.mark.parametrize(
    ("share", "budget", "name"), [(1.5, 5, "select"), (0.5, 0, "select"), (0.5, 999, "random")]
)
def test_impossible_cells_are_refused(share, budget, name):
    """A share that is none and a budget the pool cannot fill are errors."""
    with pytest.raises(ValueError):
        titrate(corpus_of(), share, budget, name, 0)


def test_selectors_are_strategies_and_text_alone():
    """Text alone has a name of its own."""
    assert shown_as(BLIND) == "text alone"
    assert shown_as("select") == "SELECT"
    assert BLIND in corpus_of().selectors


def test_importing_it_loads_no_torch():
    """What the page imports brings neither torch nor scikit-learn nor a store."""
    code = (
        "import sys, assay.core.selection.titration; "
        "heavy = {'torch', 'sklearn', 'duckdb', 'streamlit', 'transformers'} & set(sys.modules); "
        "raise SystemExit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
