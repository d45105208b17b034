"""The blind baseline: what text alone, without any model, reveals about who was trained on.

A classifier on word frequencies is given the roles of four fifths of the documents and predicts
those of the last fifth, in turn, so no document's score has used its own role (Das et al., 2024,
"Blind Baselines Beat Membership Inference Attacks"). It knows more than any outsider, who has no
labelled training documents at all; that is its purpose. A membership AUC above 0.5 means that
training and held-out documents differ in their words. Then the split is not clean, and only the
part of a strategy's membership AUC above this one counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.words import words_and_punctuation

_N_FOLDS = 5
_MAX_WORDS = 50_000
_MAX_ITERATIONS = 300


def blind_scores(
    texts: Sequence[str], roles: NDArray[np.integer], n_roles: int, seed: int
) -> NDArray[np.float64] | None:
    """P(role | text) of every document, out of fold, (n × n_roles); 0 for roles that nobody has.

    ``roles`` are 0 … n_roles − 1. None if fewer than two roles have at least two documents: then
    there is nothing to distinguish.
    """
    present, counts = np.unique(roles, return_counts=True)
    if len(present) < 2 or counts.min() < 2:
        return None
    # scikit-learn takes a second to import, and only audits need it.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline

    scores = np.zeros((len(texts), n_roles))
    everything = np.asarray(texts, dtype=object)
    folds = StratifiedKFold(min(_N_FOLDS, int(counts.min())), shuffle=True, random_state=seed)
    for known, asked in folds.split(everything, roles):
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
        classifier.fit(everything[known], roles[known])
        scores[np.ix_(asked, classifier[-1].classes_)] = classifier.predict_proba(everything[asked])
    return scores
