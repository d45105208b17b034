"""How many documents, how often each token, which documents are excluded."""

from __future__ import annotations

import numpy as np
import pytest

from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.training_vocabulary import (
    counts_by_sample,
    document_counts,
    document_frequencies,
    estimated_documents,
    tokens_read,
    unmoved_tokens,
    vocabulary_match,
)


def corpus(seed, n_documents, n_tokens=3000, words=12):
    draw = np.random.default_rng(seed)
    shares = 1 / np.arange(1, n_tokens + 1)
    shares /= shares.sum()
    return draw.choice(n_tokens, (n_documents, words), p=shares).tolist()


def test_tokens_that_training_reads():
    """A language model only predicts a document's last token; special tokens never count."""
    assert tokens_read([1, 5, 5, 9], frozenset({1}), is_last_read=True).tolist() == [5, 9]
    assert tokens_read([1, 5, 5, 9], frozenset({1}), is_last_read=False).tolist() == [5]
    assert tokens_read([], frozenset(), is_last_read=False).tolist() == []


def test_the_vocabulary_match_by_hand():
    """The mean over a document's tokens of movement times log rarity; a token that every document
    holds counts nothing, nor does one that stood still, and no token at all gives 0."""
    norms = np.array([3.0, 2.0, 0.0, 1.0], np.float32)
    frequencies = np.array([8, 2, 1, 0])
    documents = [np.array(tokens, np.int64) for tokens in ([0], [0, 1], [1, 2], [3], [])]
    found = vocabulary_match(documents, norms, frequencies, 8)
    assert found == pytest.approx([0, np.log(4), np.log(4), np.log(8), 0], rel=1e-6)


def test_unmoved_tokens_exclude():
    """Each document's tokens that stood still, the last one of a language model's aside."""
    moved = np.array([True, False, True])
    found = unmoved_tokens([[0, 2], [0, 1], [1, 0]], moved, frozenset(), is_last_read=False)
    assert [tokens.tolist() for tokens in found] == [[], [], [1]]


@pytest.mark.parametrize("n_trained", [100, 400, 1500])
def test_the_number_of_documents_is_found_from_how_many_tokens_occurred(n_trained):
    """Within 15% from a sample of 500 of the same kind, inside it and beyond it."""
    trained = document_frequencies(corpus(1, n_trained), 3000)
    sample = document_frequencies(corpus(2, 500), 3000)
    found = estimated_documents(int((trained > 0).sum()), sample, 500)
    assert found.value == pytest.approx(n_trained, rel=0.15)
    assert found.low < found.value < found.high


def test_the_interval_of_the_number_of_documents_covers():
    """Of 60 trainings the interval holds the true number in at least 50 (two deviations, and the
    sample's own error is not in it)."""
    covered = 0
    for seed in range(60):
        trained = document_frequencies(corpus(2 * seed, 300), 3000)
        sample = document_frequencies(corpus(2 * seed + 1, 3000), 3000)
        found = estimated_documents(int((trained > 0).sum()), sample, 3000)
        covered += found.low <= 300 <= found.high
    assert covered >= 50


def test_nothing_is_estimated_of_nothing():
    """No sample or no moved row gives no number, not a wrong one."""
    assert np.isnan(estimated_documents(0, np.array([1, 2]), 10).value)
    assert np.isnan(estimated_documents(5, np.array([0, 0]), 10).value)


def test_a_sample_without_further_tokens_tells_no_number():
    """Where all of its tokens moved, any large number of documents would contain as many; where
    one did not, there is a number."""
    sample = np.array([3, 5, 8, 8])
    for n_moved, is_known in ((4, False), (3, True)):
        found = estimated_documents(n_moved, sample, 10)
        facts = VocabularyFacts(n_tokens=5, n_moved=n_moved).with_texts(None, [0] * 10, found)
        assert (facts.n_estimated is not None) == is_known


def test_counts_grow_with_movement_and_their_intervals_cover():
    """Median and interval read off tokens of known count that moved as far."""
    draw = np.random.default_rng(0)

    def tokens(n):
        counts = np.ceil(draw.pareto(1, n) + 0.01)
        return np.log(counts) + draw.normal(0, 0.2, n), counts

    known_norms, known_counts = tokens(4000)
    norms, counts = tokens(1000)
    found = document_counts(norms, known_norms, known_counts)
    assert np.corrcoef(np.log(found[:, 0]), np.log(counts))[0, 1] > 0.8
    inside = (found[:, 1] <= counts) & (counts <= found[:, 2])
    assert 0.85 < inside.mean() <= 1
    with pytest.raises(ValueError, match="at least 60"):
        document_counts(norms, known_norms[:10], known_counts[:10])


def test_counts_are_read_off_a_sample_of_the_same_kind():
    """Nine in ten intervals hold the true count; rows that stood still have none."""
    draw = np.random.default_rng(0)
    trained = document_frequencies(corpus(1, 400), 3000)
    sample = document_frequencies(corpus(2, 800), 3000)
    noise = draw.normal(0, 0.15, 3000)
    norms = np.where(trained > 0, np.exp(0.2 * np.log(trained.clip(1)) + noise), 0).astype("f4")
    found = counts_by_sample(norms, sample, 800, 400)
    moved = trained > 0
    assert not found[~moved].any()
    inside = (found[moved, 1] <= trained[moved]) & (trained[moved] <= found[moved, 2])
    assert inside.mean() > 0.85
    assert (found[moved, 0] >= 1).all()
