"""How far rows of the input embeddings moved along each document's own gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import TokenCounts
from assay.core.audit.cached_agreements import (
    AgreementWindow,
    corpus_frequencies,
    with_agreements,
)
from assay.core.audit.context import AuditContext
from assay.core.audit.stages.trained_part import TrainedPart
from assay.core.models.embedding_gradients import (
    EmbeddingGradients,
)
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import cut_after
from assay.core.specs.strategies import BY_EMBEDDING_GRADIENTS
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.embedding_membership import (
    EmbeddingScores,
    embedding_scores,
    embedding_test,
)

EMBEDDINGS = TrainedPart("embedding gradients", "embedding_gradients", BY_EMBEDDING_GRADIENTS)
_TABLES = ("embedding_scores", "embedding_gradients", "embedding_factors")


def score_by_embeddings(audit: AuditContext, pair: ModelPair) -> None:
    """Fill ``embedding_scores`` and what selection needs of the gradients, where a strategy that
    needs them is asked for.

    Documents that cannot have been trained on are not run through the models.
    """

    def score(asked: AskedGradients) -> None:
        _score(audit, pair, asked)

    EMBEDDINGS.compare(audit, lambda: _asked(audit, pair), score, in_parts=_TABLES)


@dataclass(frozen=True)
class AskedGradients:
    """``is_excluded``: of every document, whether it cannot have been trained on; ``n_tokens``:
    where documents are cut."""

    gradients: EmbeddingGradients
    is_excluded: NDArray[np.bool_]
    n_tokens: int


def asked_gradients(audit: AuditContext, pair: ModelPair) -> AskedGradients | None:
    """Which gradients the stage takes; None where it takes none. Read the vocabulary first."""
    return EMBEDDINGS.prepared(audit, lambda: _asked(audit, pair))


def _asked(audit: AuditContext, pair: ModelPair) -> AskedGradients:
    gradients = EmbeddingGradients(pair)
    n_unmoved = audit.rows.token_counts().n_unmoved
    is_excluded = (n_unmoved > 0) & gradients.movement.proves_absence
    return AskedGradients(gradients, is_excluded, _n_tokens(audit))


def _score(audit: AuditContext, pair: ModelPair, asked: AskedGradients) -> None:
    gradients, is_excluded, n_tokens = asked.gradients, asked.is_excluded, asked.n_tokens
    known, movement = audit.rows.token_counts(), gradients.movement
    with cut_after(pair.final, n_tokens):
        frequencies = corpus_frequencies(audit, pair.final, len(movement.is_moved))

    def scored(windows: Iterator[AgreementWindow]) -> EmbeddingScores:
        found, numbers, first = [], np.zeros((2, audit.n_documents)), 0
        audit.builder.clear("embedding_factors")
        for window in windows:
            asked = first + np.flatnonzero(window.is_asked)
            found.append(
                embedding_scores(
                    window.rows,
                    movement.is_moved,
                    known.n_unmoved[asked],
                    frequencies,
                    movement.chance_missed,
                    gradients.most_a_row,
                )
            )
            numbers[:, asked] = window.kept.squared_norms, window.kept.alignment
            _write_projected(audit, window, first)
            first += len(window.is_asked)
        _write_numbers(audit, numbers, gradients.target_norm)
        return EmbeddingScores.together(found)

    with cut_after(pair.final, n_tokens):
        scores = with_agreements(audit, gradients, is_excluded, n_tokens, scored)
    _write(audit, scores, known, is_excluded)


def _n_tokens(audit: AuditContext) -> int:
    """Where documents are cut: as in fine-tuning, if positions show it."""
    known = VocabularyFacts.from_plain(audit.builder.meta("vocabulary")).max_tokens
    return known or audit.training.max_tokens


def _write(
    audit: AuditContext,
    found: EmbeddingScores,
    known: TokenCounts,
    is_excluded: NDArray[np.bool_],
) -> None:
    """Write the scores; excluded documents rank last and have no gradient.

    Among them, those with fewer unmoved tokens rank higher, then those with a larger share of moved
    tokens.
    """
    n_documents = len(is_excluded)
    scores = -2.0 * known.n_unmoved + 1 - known.n_unmoved / np.maximum(known.n_different, 1)
    scores[~is_excluded] = found.scores
    p_values = q_values = np.full(n_documents, np.nan)
    if audit.roles.is_held_out.any():
        test = embedding_test(scores, audit.roles.is_held_out)
        p_values, q_values = test.p_values, test.q_values
    audit.builder.write(
        "embedding_scores",
        {
            "document_id": np.arange(n_documents),
            "score": scores,
            "agreement": _of_all(found.agreements, is_excluded),
            "n_moved": _of_all(found.n_moved, is_excluded),
            "rests_on": _of_all(found.rests_on, is_excluded),
            "p_value": p_values,
            "q_value": q_values,
        },
    )


def _write_numbers(audit: AuditContext, numbers: NDArray[np.float64], target_norm: float) -> None:
    """squared_norms and alignment, (2 × n)."""
    n_documents = numbers.shape[1]
    audit.builder.clear("embedding_gradients")
    audit.builder.write(
        "embedding_gradients",
        {
            "document_id": np.arange(n_documents),
            "squared_norm": numbers[0],
            "alignment": numbers[1],
            "target_norm": np.full(n_documents, target_norm),
        },
    )


def _write_projected(audit: AuditContext, window: AgreementWindow, first: int) -> None:
    """Gradients of excluded documents are zero, so that no selection takes them."""
    projected = np.zeros((len(window.is_asked), window.kept.projected.shape[1]), np.float32)
    projected[window.is_asked] = window.kept.projected
    audit.builder.write_matrix("embedding_factors", {"name": "projected"}, projected, first)


def _of_all(values: NDArray, is_excluded: NDArray[np.bool_]) -> list[float | None]:
    """The values of scored documents, and None for the others."""
    own = iter(values.tolist())
    return [None if excluded else next(own) for excluded in is_excluded]
