"""How far rows of the input embeddings moved along each document's own gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import TokenCounts
from assay.core.audit.cached_agreements import (
    KeptGradients,
    agreements_of,
    corpus_frequencies,
)
from assay.core.audit.context import AuditContext
from assay.core.errors import InputError
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

_STAGE = "embedding gradients"
_META = "embedding_gradients"


def score_by_embeddings(audit: AuditContext, pair: ModelPair) -> None:
    """Fill ``embedding_scores`` and what selection needs of the gradients, where a strategy that
    needs them is asked for.

    Documents that cannot have been trained on are not run through the models. Where the embeddings
    allow nothing, the reason stands in ``meta``.
    """
    if not _is_asked(audit) or audit.builder.is_done(_STAGE):
        return
    with audit.stage(_STAGE, audit.n_documents):
        audit.builder.put_meta(_META, {"problem": _score(audit, pair)})


@dataclass(frozen=True)
class AskedGradients:
    """``is_excluded``: of every document, whether it cannot have been trained on; ``n_tokens``:
    where documents are cut."""

    gradients: EmbeddingGradients
    is_excluded: NDArray[np.bool_]
    n_tokens: int


def asked_gradients(audit: AuditContext, pair: ModelPair) -> AskedGradients | None:
    """Which gradients the stage takes; None where it takes none. Read the vocabulary first."""
    if not _is_asked(audit):
        return None
    try:
        return _asked(audit, pair)
    except InputError:
        return None


def _is_asked(audit: AuditContext) -> bool:
    return not set(BY_EMBEDDING_GRADIENTS).isdisjoint(audit.spec.strategies)


def _asked(audit: AuditContext, pair: ModelPair) -> AskedGradients:
    gradients = EmbeddingGradients(pair)
    n_unmoved = audit.rows.token_counts().n_unmoved
    is_excluded = (n_unmoved > 0) & gradients.movement.proves_absence
    return AskedGradients(gradients, is_excluded, _n_tokens(audit))


def why_not_scored(audit: AuditContext) -> str | None:
    """Why no document has a score; None where they have, or none was asked for."""
    return audit.builder.meta(_META)["problem"] if audit.builder.has_meta(_META) else None


def _score(audit: AuditContext, pair: ModelPair) -> str | None:
    """The reason if nothing could be scored; None if documents were scored."""
    try:
        asked = _asked(audit, pair)
    except InputError as error:
        return str(error)
    gradients, is_excluded, n_tokens = asked.gradients, asked.is_excluded, asked.n_tokens
    known = audit.rows.token_counts()
    with cut_after(pair.final, n_tokens):
        rows, kept = agreements_of(audit, gradients, is_excluded, n_tokens)
        frequencies = corpus_frequencies(audit, pair.final, len(gradients.movement.is_moved))
    movement = gradients.movement
    scores = embedding_scores(
        rows,
        movement.is_moved,
        known.n_unmoved[~is_excluded],
        frequencies,
        movement.chance_missed,
        gradients.most_a_row,
    )
    _write(audit, scores, known, is_excluded)
    _write_gradients(audit, kept, gradients.target_norm, is_excluded)
    return None


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


def _write_gradients(
    audit: AuditContext,
    kept: KeptGradients,
    target_norm: float,
    is_excluded: NDArray[np.bool_],
) -> None:
    """Gradients of excluded documents are zero, so that no selection takes them."""
    n_documents, asked = len(is_excluded), ~is_excluded
    numbers = np.zeros((2, n_documents))
    numbers[:, asked] = kept.squared_norms, kept.alignment
    audit.builder.write(
        "embedding_gradients",
        {
            "document_id": np.arange(n_documents),
            "squared_norm": numbers[0],
            "alignment": numbers[1],
            "target_norm": np.full(n_documents, target_norm),
        },
    )
    projected = np.zeros((n_documents, kept.projected.shape[1]), np.float32)
    projected[asked] = kept.projected
    audit.builder.write_matrix("embedding_factors", {"name": "projected"}, projected)


def _of_all(values: NDArray, is_excluded: NDArray[np.bool_]) -> list[float | None]:
    """The values of scored documents, and None for the others."""
    own = iter(values.tolist())
    return [None if excluded else next(own) for excluded in is_excluded]
