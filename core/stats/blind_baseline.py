"""The blind baseline: what text alone, without any model, reveals about who was trained on.

A classifier on word frequencies is given the roles of four fifths of the documents and predicts
those of the last fifth, in turn, so no document's score has used its own role (Das et al., 2024,
"Blind Baselines Beat Membership Inference Attacks"). It knows more than any outsider, who has no
labelled training documents at all; that is its purpose. A membership AUC above 0.5 means that
training and held-out documents differ in their words. Then the split is not clean, and only the
part of a strategy's membership AUC above this one counts.

No more texts are in memory than the classifier learns from, whatever memory there is. Where the
known documents are more, it learns from a random sample of each role, weighted by how many
documents each stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.words import words_and_punctuation

_N_FOLDS = 5
_MAX_WORDS = 50_000
_MAX_ITERATIONS = 300
# A classifier learns from texts of about this many characters at most, each of which takes nine
# bytes of memory, as measured.
_MAX_CHARACTERS = 1 << 25
_TEXTS_AT_ONCE = 1_024


def blind_scores(
    read_texts: Callable[[], Iterable[str]],
    roles: NDArray[np.integer],
    n_roles: int,
    seed: int,
) -> NDArray[np.float64] | None:
    """P(role | text) of every document, out of fold, (n × n_roles); 0 for roles that nobody has.

    ``read_texts``: the n texts in order, at each call; ``roles`` are 0 … n_roles − 1. None if
    fewer than two roles have at least two documents: then there is nothing to distinguish.
    """
    present, counts = np.unique(roles, return_counts=True)
    if len(present) < 2 or counts.min() < 2:
        return None
    # scikit-learn takes a second to import, and only audits need it.
    from sklearn.model_selection import StratifiedKFold

    n_characters = np.fromiter((len(text) for text in read_texts()), np.int64, len(roles))
    n_folds = min(_N_FOLDS, int(counts.min()))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    fold_of = np.empty(len(roles), np.int64)
    classifiers = []
    for number, (known, asked) in enumerate(folds.split(roles, roles)):
        fold_of[asked] = number
        lessons = _lessons(known, roles, n_characters, np.random.default_rng([seed, number]))
        classifiers.append(_taught(read_texts(), roles, lessons))
    return _asked(classifiers, read_texts(), fold_of, n_roles)


@dataclass(frozen=True)
class _Lessons:
    """The documents that a classifier learns from, ascending, and how many each stands for; None
    for one each."""

    documents: NDArray[np.int64]
    weights: NDArray[np.float64] | None


def _lessons(
    known: NDArray[np.int64],
    roles: NDArray[np.integer],
    n_characters: NDArray[np.int64],
    generator: np.random.Generator,
) -> _Lessons:
    if n_characters[known].sum() <= _MAX_CHARACTERS:
        return _Lessons(known, None)
    by_role = [known[roles[known] == role] for role in np.unique(roles[known])]
    sizes = [int(n_characters[own].sum()) for own in by_role]
    weights, taken = np.zeros(len(roles)), []
    # What a small role leaves of its share goes to the larger ones.
    left = float(_MAX_CHARACTERS)
    for n_done, at in enumerate(np.argsort(sizes, kind="stable")):
        share = min(1.0, left / (len(sizes) - n_done) / max(sizes[at], 1))
        own = generator.permutation(by_role[at])[: max(1, int(share * len(by_role[at])))]
        weights[own] = len(by_role[at]) / len(own)
        left -= share * sizes[at]
        taken.append(own)
    documents = np.sort(np.concatenate(taken))
    return _Lessons(documents, weights[documents])


def _taught(texts: Iterable[str], roles: NDArray[np.integer], lessons: _Lessons) -> Any:
    """A classifier of words that learned the roles of some documents."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    classifier = make_pipeline(
        TfidfVectorizer(
            sublinear_tf=True,
            max_features=_MAX_WORDS,
            tokenizer=words_and_punctuation,
            token_pattern=None,
            lowercase=False,
        ),
        LogisticRegression(max_iter=_MAX_ITERATIONS),
    )
    is_read = np.zeros(len(roles), bool)
    is_read[lessons.documents] = True
    read = (text for text, is_one in zip(texts, is_read, strict=True) if is_one)
    weighted = {"logisticregression__sample_weight": lessons.weights}
    return classifier.fit(read, roles[lessons.documents], **weighted)


def _asked(
    classifiers: list[Any], texts: Iterable[str], fold_of: NDArray[np.int64], n_roles: int
) -> NDArray[np.float64]:
    """Each document's probabilities by the classifier that did not learn from its fold."""
    scores = np.zeros((len(fold_of), n_roles))
    first = 0
    for together in _in_groups(texts):
        folds = fold_of[first : first + len(together)]
        for number, classifier in enumerate(classifiers):
            own = np.flatnonzero(folds == number)
            if len(own):
                found = classifier.predict_proba([together[at] for at in own])
                scores[np.ix_(first + own, classifier[-1].classes_)] = found
        first += len(together)
    return scores


def _in_groups(texts: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(texts)
    while together := list(islice(remaining, _TEXTS_AT_ONCE)):
        yield together
