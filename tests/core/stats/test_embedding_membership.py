"""Scores, p-values and calls from how far rows moved along documents' gradients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from assay.core.stats.auc import auc_with_interval
from assay.core.stats.embedding_membership import (
    TokenAgreements,
    embedding_scores,
    embedding_test,
    nats_of_moved,
)
from assay.core.stats.training_vocabulary import document_frequencies


def rows(*documents):
    """Documents as lists of (token, agreement)."""
    return TokenAgreements(
        np.cumsum([0, *map(len, documents)]),
        np.array([token for document in documents for token, _ in document], np.int32),
        np.array([[value] for document in documents for _, value in document], np.float32),
    )


def test_a_rare_token_counts_more():
    """A row counts one over the documents that hold its token, and a row that stood still not."""
    found = embedding_scores(
        rows([(0, 1.0), (1, 0.0), (2, 0.7)]),
        np.array([True, True, False]),
        np.array([0]),
        np.array([1, 3, 1]),
    )
    assert found.agreements[0] == pytest.approx(0.75)
    assert found.n_moved[0] == 2
    assert found.rests_on[0] == pytest.approx((4 / 3) ** 2 / (1 + 1 / 9))


def test_no_row_counts_for_more_than_it_may():
    """One row of a shared token does not outweigh many that agree a little; without a limit it
    does."""
    both = rows([(0, 0.9), (1, 0.0), (2, 0.0)], [(3, 0.08), (4, 0.08), (5, 0.08)])
    moved, seen = np.ones(6, bool), np.ones(6, np.int64)
    limited = embedding_scores(both, moved, np.zeros(2, np.int64), seen, most_a_row=0.1)
    plain = embedding_scores(both, moved, np.zeros(2, np.int64), seen)
    assert limited.scores[0] < limited.scores[1]
    assert plain.scores[0] > plain.scores[1]


def test_an_excluded_document_ranks_below_every_other():
    """Full agreement cannot make up for one unmoved token, where that is proof; else it may."""
    both = rows([(0, 1.0)], [(0, 0.01)])
    moved, seen = np.array([True]), np.array([2])
    proven = embedding_scores(both, moved, np.array([1, 0]), seen)
    doubtful = embedding_scores(both, moved, np.array([1, 0]), seen, chance_missed=0.05)
    assert proven.scores[0] < proven.scores[1]
    assert doubtful.scores[0] > doubtful.scores[1]


def test_moved_rows_surprise_where_such_rows_seldom_moved():
    """−log of the share that moved among tokens of as many documents; nothing for a row that stood
    still, nor for a token of more documents where a smaller share happened to move."""
    frequencies = np.array([1] * 8 + [2] * 4 + [3] * 2 + [0])
    is_moved = np.array([1, 1, *[0] * 6, 1, 1, 1, 0, 1, 0, 0], bool)
    nats = nats_of_moved(is_moved, frequencies)
    assert nats[:2] == pytest.approx(np.log(4))
    assert nats[[8, 9, 10, 12]] == pytest.approx(np.log(6 / 4))
    assert not nats[~is_moved].any()


def test_moved_rows_raise_the_score():
    """Of two documents that agree alike, the one whose tokens seldom moved ranks higher; where all
    rows moved, as in a tied table, nothing is added."""
    frequencies = np.array([1] * 100 + [30] * 100)
    is_moved = np.arange(200) >= 95
    both = rows([(95, 0.2), (96, 0.2)], [(100, 0.2), (101, 0.2)])
    found = embedding_scores(both, is_moved, np.zeros(2, np.int64), frequencies)
    assert found.agreements == pytest.approx([0.2, 0.2])
    assert found.scores == pytest.approx([0.2 + 0.03 * 2 * np.log(20), 0.2])
    tied = embedding_scores(both, np.ones(200, bool), np.zeros(2, np.int64), frequencies)
    assert tied.scores == pytest.approx(tied.agreements)


def test_moved_rows_never_outweigh_proof():
    """However surprising a long document's moved rows are, one unmoved token rules it out."""
    frequencies = np.ones(2_000, np.int64)
    is_moved = np.arange(2_000) < 40
    both = rows([(token, 1.0) for token in range(40)], [(0, -1.0)])
    found = embedding_scores(both, is_moved, np.array([1, 0]), frequencies)
    assert found.scores[0] < found.scores[1]


def _documents(draw, n):
    """Of six tokens, of which some occur often and many seldom."""
    chances = 1 / np.arange(1, 1_001)
    return [draw.choice(1_000, 6, p=chances / chances.sum()).tolist() for _ in range(n)]


@pytest.mark.parametrize("trained_on", [True, False])
def test_moved_rows_alone_tell_training_documents(trained_on):
    """Without any agreement, documents whose tokens all moved are told apart by how seldom such
    tokens move, if they were trained on, and not otherwise."""
    draw, auc = np.random.default_rng(0), []
    for _ in range(20):
        corpus, others = _documents(draw, 800), _documents(draw, 200)
        is_moved = np.zeros(1_000, bool)
        is_moved[np.unique(np.concatenate(corpus[:200] if trained_on else others))] = True
        whole = [d for d in map(set, corpus) if is_moved[list(d)].all()]
        own = [set(d) for d in corpus[:200]]
        is_own = np.array([document in own for document in whole])
        made = rows(*[[(token, 0.0) for token in sorted(document)] for document in whole])
        n_unmoved = np.zeros(len(whole), np.int64)
        frequencies = document_frequencies(corpus, 1_000)
        scores = embedding_scores(made, is_moved, n_unmoved, frequencies).scores
        auc.append(auc_with_interval(scores[is_own], scores[~is_own]).auc.value)
    assert np.mean(auc) > 0.75 if trained_on else abs(np.mean(auc) - 0.5) < 0.04


def test_the_label_that_agrees_best_counts_for_a_whole_document():
    """Labels are not mixed token by token: a document was trained on with one."""
    two = TokenAgreements(
        np.array([0, 2]), np.array([0, 1], np.int32), np.array([[1, 0], [0, 0.8]], np.float32)
    )
    found = embedding_scores(two, np.array([True, True]), np.array([0]), np.array([1, 1]))
    assert found.agreements[0] == pytest.approx(0.5)


def test_a_document_without_moved_rows_scores_nothing():
    """Nothing to compare is no agreement, and no error."""
    found = embedding_scores(
        rows([], [(0, 0.5)]), np.array([False]), np.array([0, 1]), np.array([1])
    )
    assert found.agreements.tolist() == [0, 0]
    assert found.rests_on.tolist() == [0, 0]


def test_batches_in_any_order_are_put_together():
    """Rows follow their documents; a missing or repeated document is an error."""
    one = (np.array([2, 0]), np.array([1, 2]), np.array([7, 3, 4], np.int32), np.ones((3, 1)))
    two = (np.array([1]), np.array([1]), np.array([9], np.int32), np.zeros((1, 1)))
    found = TokenAgreements.in_order(3, [one, two])
    assert found.tokens.tolist() == [3, 4, 9, 7]
    assert found.starts.tolist() == [0, 2, 3, 4]
    assert found.agreements[:, 0].tolist() == [1, 1, 0, 1]
    with pytest.raises(ValueError, match="each of 3 documents once"):
        TokenAgreements.in_order(3, [one])


def test_p_values_are_uniform_where_nothing_was_trained_on():
    """Candidates like the held-out documents: p-values are uniform and false calls are rare."""
    draw = np.random.default_rng(0)
    is_held_out = np.arange(2000) < 1000
    p_values, n_called = [], 0
    for _ in range(30):
        found = embedding_test(draw.normal(size=2000), is_held_out)
        p_values.extend(draw.choice(found.p_values[~is_held_out], 20))
        n_called += int((found.q_values[~is_held_out] <= 0.1).any())
        assert np.isnan(found.p_values[is_held_out]).all()
        assert found.share_trained < 0.15
    assert kstest(p_values, "uniform").pvalue > 0.01
    assert n_called <= 8


def test_q_values_use_the_share_that_was_trained_on():
    """Where most candidates were trained on, fewer of the calls are false, and more are made."""
    draw = np.random.default_rng(1)
    scores = np.concatenate([draw.normal(size=500), draw.normal(size=100), draw.normal(3, 1, 400)])
    is_held_out = np.arange(1000) < 500
    found = embedding_test(scores, is_held_out)
    assert 0.65 < found.share_trained <= 0.85
    called = found.q_values <= 0.1
    assert (called[600:]).mean() > 0.85
    assert called[500:600].sum() / called[500:].sum() < 0.13
