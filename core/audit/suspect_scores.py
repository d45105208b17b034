"""The scores that a suspect test combines.

Which they are depends on the model pair alone, so it is fixed before any document is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.gradient_request import PROJECTION_SEED
from assay.core.errors import InputError
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.embedding_gradients import EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.loading import ModelPair
from assay.core.models.per_example_gradients import (
    ClassifierGradients,
    GradientModels,
    LanguageGradients,
)
from assay.core.models.text_model import cut_after
from assay.core.models.token_log_probs import token_evidence
from assay.core.models.training_vocabulary import TrainingVocabulary, read_training_vocabulary
from assay.core.runtime.progress import Progress
from assay.core.specs.data import Task
from assay.core.specs.strategies import ALIGNMENT, Strategy, declared_scores, strategies_for
from assay.core.stats.embedding_membership import TokenAgreements, embedding_scores
from assay.core.stats.membership_scores import label_scores, token_scores
from assay.core.stats.training_vocabulary import document_frequencies

# Only alignment and norms are needed, which use no projection: this is the smallest there is.
_PROJECTION = 1

_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class SuspectScores:
    """Scores of n documents.

    declared: the ones that the test combines, (n, float64) each. base_losses (n). is_ruled_out
    (n): documents that cannot have been trained on, because a row of their tokens did not move;
    None where unmoved rows prove nothing. caveats: in sentences.
    """

    declared: dict[str, _Scores]
    base_losses: _Scores
    is_ruled_out: NDArray[np.bool_] | None
    caveats: tuple[str, ...]


def score_suspects(
    task: Task,
    pair: ModelPair,
    folders: tuple[Path, Path],
    documents: Sequence[TextDocument],
    progress: Progress,
) -> SuspectScores:
    """The scores of every document; ``folders``: of the base and the final model."""
    known, base_losses = _by_gradients(task, pair, documents, progress)
    is_ruled_out: NDArray[np.bool_] | None = None
    trained: list[Strategy] = []
    caveats: list[str] = []
    with progress.stage("input embeddings", len(documents)):
        try:
            found = _by_embeddings(pair, folders, documents, progress)
        except InputError as error:
            caveats.append(f"The input embeddings could not be compared: {error.got}.")
        else:
            trained.append(Strategy.EMBEDDING_MATCH)
            known[Strategy.EMBEDDING_MATCH] = found.scores
            is_ruled_out = found.is_ruled_out
    if Strategy.LAYER_MATCH in strategies_for(task):
        with progress.stage("layer gradients", 0):
            try:
                known[Strategy.LAYER_MATCH] = LayerAgreement(pair, documents).of(documents)
            except InputError as error:
                caveats.append(f"The linear layers could not be compared: {error.got}.")
            else:
                trained.append(Strategy.LAYER_MATCH)
    names = declared_scores(task, trained)
    return SuspectScores(
        {name: known[name] for name in names}, base_losses, is_ruled_out, tuple(caveats)
    )


@dataclass(frozen=True)
class _ByEmbeddings:
    scores: _Scores
    is_ruled_out: NDArray[np.bool_] | None


def _by_embeddings(
    pair: ModelPair,
    folders: tuple[Path, Path],
    documents: Sequence[TextDocument],
    progress: Progress,
) -> _ByEmbeddings:
    """InputError if the input embeddings were not trained, or cannot be compared."""
    gradients = EmbeddingGradients(pair)
    movement = gradients.movement
    vocabulary = read_training_vocabulary(*folders)
    with cut_after(pair.final, _n_tokens(vocabulary, pair)):
        n_unmoved = _n_unmoved(vocabulary, documents, pair)
        parts = []
        for rows in gradients.of(documents):
            parts.append((rows.indices, rows.n_tokens, rows.tokens, rows.agreements))
            progress.advance(len(rows.indices))
        token_ids = [example.token_ids for example in pair.final.examples(documents)]
    found = embedding_scores(
        TokenAgreements.in_order(len(documents), parts),
        movement.is_moved,
        n_unmoved,
        document_frequencies(token_ids, len(movement.is_moved)),
        movement.chance_missed,
        gradients.most_a_row,
    )
    return _ByEmbeddings(found.scores, n_unmoved > 0 if movement.proves_absence else None)


def _n_tokens(vocabulary: TrainingVocabulary, pair: ModelPair) -> int:
    """Where documents are cut: as in fine-tuning, if positions show it."""
    return vocabulary.reader().limit(None) or pair.final.max_tokens


def _n_unmoved(
    vocabulary: TrainingVocabulary, documents: Sequence[TextDocument], pair: ModelPair
) -> NDArray[np.int64]:
    """How many tokens rule out each document; 0 where unmoved rows are not known."""
    texts = [document.text for document in documents]
    readings = vocabulary.read_texts(texts, pair.final.max_tokens)
    return np.array([len(reading.unmoved) for reading in readings], np.int64)


def _by_gradients(
    task: Task, pair: ModelPair, documents: Sequence[TextDocument], progress: Progress
) -> tuple[dict[str, _Scores], _Scores]:
    """Scores by the last layer and by losses, and each document's loss under the base model."""
    n = len(documents)
    alignment, base_losses, probabilities = np.zeros(n), np.zeros(n), np.ones(n)
    is_classifier = task is Task.CLASSIFICATION
    models: GradientModels = (
        ClassifierGradients(pair)
        if is_classifier
        else LanguageGradients(pair, 1, _PROJECTION, PROJECTION_SEED)
    )
    with progress.stage("gradients", n):
        for rows in models.of(documents):
            lengths = np.sqrt(rows.squared_norms[:, 0]) * models.target_norms[0]
            alignment[rows.indices] = np.divide(
                rows.alignment[:, 0], lengths, out=np.zeros(len(lengths)), where=lengths > 0
            )
            base_losses[rows.indices] = rows.base_loss
            if rows.final_probability is not None:
                probabilities[rows.indices] = rows.final_probability
            progress.advance(len(rows.indices))
    baselines: dict[Any, _Scores] = (
        dict(label_scores(base_losses, probabilities))
        if is_classifier
        else _of_tokens(pair, documents, progress)
    )
    return {ALIGNMENT: alignment, **baselines}, base_losses


def _of_tokens(
    pair: ModelPair, documents: Sequence[TextDocument], progress: Progress
) -> dict[str, _Scores]:
    assert isinstance(pair.base, LanguageModel)
    assert isinstance(pair.final, LanguageModel)
    found: dict[str, _Scores] = {}
    with progress.stage("membership baselines", len(documents)):
        for batch in token_evidence(pair.base, pair.final, documents):
            for index, evidence in batch:
                for name, score in token_scores(evidence).items():
                    found.setdefault(name, np.zeros(len(documents)))[index] = score
            progress.advance(len(batch))
    return found
