"""What is said of one document: against held-out ones, and beside its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from support.audit_file import write_sample_audit
from support.evidence_rows import write_evidence

from assay.cache.audits.comparison import read_reference_documents
from assay.cache.audits.document_evidence import (
    _nearest,
    read_neighbours,
    read_ranks,
    read_scores,
)
from assay.cache.audits.read import SelectionFilter, read_selection
from assay.cache.store import Store
from assay.core.specs.strategies import Strategy
from assay.core.stats.conformal import against_held_out


def drawn(n_held_out, n_others, n_trained, shift, seed):
    """Scores of held-out, untrained and trained documents; the trained ones are shifted."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=n_held_out + n_others + n_trained)
    scores[n_held_out + n_others :] += shift
    return scores, np.arange(len(scores)) < n_held_out


def test_p_values_of_untrained_documents_are_uniform():
    """At most a share a of untrained documents has p ≤ a; trained ones that score higher have
    more."""
    untrained, trained = [], []
    for seed in range(300):
        scores, is_held_out = drawn(99, 1, 1, 2.0, seed)
        p_values = against_held_out(scores, is_held_out).p_values
        untrained.append(p_values[99])
        trained.append(p_values[100])
    for level in (0.1, 0.25, 0.5):
        assert np.mean(np.array(untrained) <= level) == pytest.approx(level, abs=0.07)
    assert np.mean(np.array(trained) <= 0.1) > 0.6


def test_q_values_bound_the_share_of_false_ones():
    """Of documents called trained with q ≤ 0.2 at most a fifth is false on average, and there are
    some; with nothing to find hardly any is called."""
    shares, n_found = [], 0
    for seed in range(60):
        scores, is_held_out = drawn(400, 200, 60, 3.5, seed)
        called = against_held_out(scores, is_held_out).q_values <= 0.2
        n_false, n_called = called[400:600].sum(), called.sum()
        shares.append(n_false / max(1, n_called))
        n_found += called[600:].sum()
    assert np.mean(shares) < 0.22
    assert n_found > 60 * 60 / 2
    empty = [
        (against_held_out(*drawn(400, 260, 0, 0, seed)).q_values <= 0.2).any() for seed in range(60)
    ]
    assert np.mean(empty) < 0.35


def test_held_out_documents_have_no_p_value():
    """They are the yardstick; without any there is none."""
    scores, is_held_out = drawn(5, 5, 0, 0, 0)
    found = against_held_out(scores, is_held_out)
    assert np.isnan(found.p_values[:5]).all()
    assert not np.isnan(found.q_values[5:]).any()
    assert found.p_values[5:].min() >= 1 / 6
    with pytest.raises(ValueError, match="held-out"):
        against_held_out(scores, np.zeros(10, bool))


@pytest.fixture
def audit():
    return write_sample_audit(Store.default(), before_seal=write_evidence)


def test_neighbours_are_the_nearest_of_each_kind(audit):
    """Of selected, true and all documents the most similar come first, never the document
    itself, and the selected ones are selected."""
    found = read_neighbours(audit, 7, Strategy.SELECT, 5)
    assert found.groupby("kind").size().to_dict() == {"pool": 5, "reference": 5, "selected": 5}
    for _, own in found.groupby("kind"):
        assert own["similarity"].is_monotonic_decreasing
    pool = found[found["kind"] == "pool"]
    assert 7 not in pool["item_id"].tolist()
    selected = read_selection(audit, Strategy.SELECT, SelectionFilter(), 1000).rows["document_id"]
    nearest = found[found["kind"] == "selected"]
    assert set(nearest["item_id"]) <= set(selected)
    assert pool["similarity"].max() >= nearest["similarity"].max()
    true = found[found["kind"] == "reference"]
    texts = read_reference_documents(audit, true["item_id"].tolist()).set_index("reference_id")
    assert texts.loc[true["item_id"], "text"].tolist() == true["text"].tolist()


def test_equally_near_documents_are_taken_in_no_order_of_the_file():
    """Of copies of one text, trained ones first in the file, about half of those shown are
    trained; nearer ones still come first."""
    equal = 0.9 + np.random.default_rng(0).normal(size=200) * 1e-7
    found = _nearest(equal, 60)
    assert 20 < (found < 100).sum() < 40
    assert np.array_equal(found, _nearest(equal, 60))
    equal[[180, 190]] = 0.95
    assert set(_nearest(equal, 60)[:2]) == {180, 190}


def test_without_embeddings_there_are_no_neighbours():
    """An audit that keeps none says so by an empty table."""
    path = write_sample_audit(Store.default())
    assert read_neighbours(path, 0, Strategy.SELECT, 5).empty
    assert read_scores(path, "held-out").by_ranking.empty


def test_ranks_are_those_of_the_selections(audit):
    """A document has a rank under just the strategies that selected it."""
    first = int(read_selection(audit, Strategy.TOP_K, SelectionFilter(), 1).rows["document_id"][0])
    ranks = read_ranks(audit, first).set_index("strategy")["rank"]
    assert ranks[Strategy.TOP_K] == 0
    for strategy in Strategy:
        selected = read_selection(audit, strategy, SelectionFilter(), 1000).rows["document_id"]
        assert (strategy in ranks.index) == (first in selected.tolist())
