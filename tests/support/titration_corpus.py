"""A titration corpus with a planted pull."""

from __future__ import annotations

import numpy as np

from assay.core.gradients.features import FactoredGradients
from assay.core.selection.inputs import SelectionInputs
from assay.core.selection.titration import Corpus
from assay.core.similarity.vectors import VectorsInMemory
from assay.core.specs.strategies import BY_OWN_SCORE


def corpus_of(n=300, n_trained=100, n_held_out=100, seed=0, pull=0.0, width=12, batch_size=8):
    """Gradients at random; trained ones are pulled towards the target by ``pull``."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(1, n, 3)).astype("f")
    hidden = rng.normal(size=(1, n, width)).astype("f")
    target = rng.normal(size=(1, 3, width)).astype("f")
    towards = errors[0, :n_trained] @ target[0]
    hidden[0, :n_trained] += pull * towards / np.linalg.norm(towards, axis=1, keepdims=True)
    embeddings = rng.normal(size=(n, 8)).astype("f")
    number = np.arange(n)
    # Apart from the others' generator, so that what was measured with them stays.
    own_scores = np.random.default_rng(seed + 1).normal(size=(len(BY_OWN_SCORE), n))
    return Corpus(
        SelectionInputs(
            FactoredGradients(errors, hidden, target),
            rng.integers(0, 3, n),
            rng.random(n),
            dict(zip(BY_OWN_SCORE, own_scores, strict=True)),
            FactoredGradients(errors, hidden[:, ::-1], target),
        ),
        number < n_trained,
        (number >= n_trained) & (number < n_trained + n_held_out),
        rng.random((n, 2)) / 2,
        VectorsInMemory(embeddings),
        VectorsInMemory(embeddings[:n_trained]),
        batch_size,
    )
