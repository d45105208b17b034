"""What text alone tells: domains, no clean split, and the same from a sample of the documents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline

from assay.core.similarity.words import words_and_punctuation
from assay.core.stats import blind_baseline
from assay.core.stats.auc import auc_with_interval
from assay.core.stats.blind_baseline import blind_scores

WORDS = np.array([f"w{i}" for i in range(200)])


def texts_of(n_inside, n_outside, n_words=20):
    """Texts of a domain, then others; their words overlap."""
    rng = np.random.default_rng(0)
    inside = [" ".join(rng.choice(WORDS[:120], n_words)) for _ in range(n_inside)]
    return [*inside, *(" ".join(rng.choice(WORDS[80:], n_words)) for _ in range(n_outside))]


def test_text_alone_tells_domains_and_not_a_random_split():
    """The blind baseline separates sets of other words; of one set split at random it knows
    nothing; where the split has a word of its own it finds it."""
    texts = texts_of(300, 150)
    inside, outside = texts[:300], texts[300:]
    roles = np.repeat([0, 1, 2], 150)
    scores = blind_scores(lambda: texts, roles, 3, seed=0)
    assert scores.sum(axis=1) == pytest.approx(1)
    domain = scores[:, 0] + scores[:, 1]
    assert auc_with_interval(domain[:300], domain[300:]).auc.low > 0.9
    member = scores[:, 0] / domain
    clean = auc_with_interval(member[:150], member[150:300]).auc
    assert clean.low < 0.5 < clean.high
    marked = [*(f"{text} tell" for text in inside[:150]), *inside[150:], *outside]
    scores = blind_scores(lambda: marked, roles, 3, seed=0)
    member = scores[:, 0] / (scores[:, 0] + scores[:, 1])
    assert auc_with_interval(member[:150], member[150:300]).auc.low > 0.9


def test_text_alone_needs_two_roles():
    """One role, or one with a single document, leaves nothing to learn."""
    assert blind_scores(lambda: ["a", "b", "c"], np.zeros(3, int), 3, 0) is None
    assert blind_scores(lambda: ["a", "b", "c"], np.array([0, 0, 1]), 3, 0) is None


def test_scores_are_those_of_one_classifier_a_fold_on_all_texts(monkeypatch):
    """To the last bit what scikit-learn says when it holds every text, however many are asked
    about at a time."""
    texts, roles = texts_of(60, 40), np.repeat([0, 1, 2], [30, 30, 40])
    expected = np.zeros((100, 3))
    everything = np.array(texts, object)
    folds = StratifiedKFold(5, shuffle=True, random_state=4)
    for known, asked in folds.split(everything, roles):
        words = TfidfVectorizer(
            sublinear_tf=True,
            max_features=50_000,
            tokenizer=words_and_punctuation,
            token_pattern=None,
            lowercase=False,
        )
        plain = make_pipeline(words, LogisticRegression(max_iter=300))
        expected[asked] = plain.fit(everything[known], roles[known]).predict_proba(
            everything[asked]
        )
    for n_at_once in (1_024, 7, 1):
        monkeypatch.setattr(blind_baseline, "_TEXTS_AT_ONCE", n_at_once)
        assert np.array_equal(blind_scores(lambda: texts, roles, 3, seed=4), expected)


@pytest.mark.parametrize("is_weighted", [True, False])
def test_a_sample_keeps_what_is_known_of_every_role(is_weighted, monkeypatch):
    """From a twelfth of the texts it still tells domains and no clean
    split, and holds rare roles for as rare as they are; without weights it would not."""
    texts = texts_of(400, 4_000)
    roles = np.repeat([0, 1, 2], [200, 200, 4_000])
    read, taught = [], blind_baseline._taught
    n_all = sum(map(len, texts))
    monkeypatch.setattr(blind_baseline, "_MAX_CHARACTERS", n_all // 12)

    def seen(texts, roles, lessons):
        read.append(lessons)
        return taught(texts, roles, lessons if is_weighted else replace(lessons, weights=None))

    monkeypatch.setattr(blind_baseline, "_taught", seen)
    scores = blind_scores(lambda: texts, roles, 3, seed=0)
    for own in read:
        assert sum(len(texts[at]) for at in own.documents) <= 1.02 * n_all / 12
        stand_for = np.bincount(roles[own.documents], own.weights)
        assert stand_for == pytest.approx([160, 160, 3_200])
    domain = scores[:, :2].sum(axis=1)
    assert auc_with_interval(domain[:400], domain[400:]).auc.low > 0.9
    member = scores[:, 0] / domain
    clean = auc_with_interval(member[:200], member[200:400]).auc
    assert clean.low < 0.5 < clean.high
    is_rare = scores.mean(axis=0)[:2] < 0.06
    assert is_rare.all() == is_weighted
