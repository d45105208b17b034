"""How far rows of the input embeddings moved along each document's own gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.cache.store import Store
from assay.core.audit.cached_agreements import agreements_of, corpus_frequencies
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.errors import InputError
from assay.core.models.embedding_gradients import (
    EmbeddingGradients,
)
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import TextModel
from assay.core.runtime.progress import Progress
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.embedding_membership import (
    EmbeddingScores,
    embedding_scores,
    embedding_test,
)

_STAGE = "embedding gradients"
_META = "embedding_gradients"


def score_by_embeddings(
    question: ResolvedAudit,
    builder: AuditBuilder,
    store: Store,
    pair: ModelPair,
    progress: Progress,
) -> ResolvedAudit:
    """Fill ``embedding_scores``, where the strategy that needs them is asked for.

    Documents that cannot have been trained on are not run through the models.

    The question comes back without that strategy where the embeddings allow nothing; the reason
    stands in ``meta``. InputError if no other strategy is asked for.
    """
    if Strategy.EMBEDDING_MATCH not in question.spec.strategies:
        return question
    if not builder.is_done(_STAGE):
        ((n_documents,),) = builder.rows("SELECT count(*) FROM documents")
        with progress.stage(_STAGE, n_documents), builder.stage(_STAGE):
            problem = _score(question, builder, store, pair, progress)
            builder.put_meta(_META, {"problem": problem})
    problem = builder.meta(_META)["problem"]
    if problem is None:
        return question
    progress.note(f"documents are not scored by input embeddings: {problem}")
    others = tuple(s for s in question.spec.strategies if s is not Strategy.EMBEDDING_MATCH)
    if not others:
        raise InputError(
            "a strategy that works for these models",
            f"only {Strategy.EMBEDDING_MATCH}, which does not ({problem.rstrip('.')})",
            "add another --strategy",
        )
    return replace(question, spec=replace(question.spec, strategies=others))


def what_was_left_out(builder: AuditBuilder) -> list[str]:
    """A caveat where the strategy was asked for and could not be answered."""
    rows = builder.rows("SELECT value FROM meta WHERE key = ?", [_META])
    problem = builder.meta(_META)["problem"] if rows else None
    if problem is None:
        return []
    return [
        f"The strategy “{Strategy.EMBEDDING_MATCH.shown_as}” was left out, which says nothing "
        f"about a leak. {problem}"
    ]


def read_embedding_scores(builder: AuditBuilder) -> NDArray[np.float64] | None:
    """Of all documents, (n); None where none are scored."""
    found = builder.columns("SELECT score FROM embedding_scores ORDER BY document_id")["score"]
    return np.asarray(found) if len(found) else None


def _score(
    question: ResolvedAudit,
    builder: AuditBuilder,
    store: Store,
    pair: ModelPair,
    progress: Progress,
) -> str | None:
    """Why nothing could be scored; None where documents were."""
    try:
        gradients = EmbeddingGradients(pair)
    except InputError as error:
        return str(error)
    known = _known_vocabulary(builder)
    is_excluded = (known.n_unmoved > 0) & gradients.movement.proves_absence
    n_tokens = _n_tokens(question, builder)
    with _cut_after(pair.final, n_tokens):
        rows = agreements_of(question, builder, store, gradients, is_excluded, n_tokens, progress)
        frequencies = corpus_frequencies(builder, pair.final, len(gradients.movement.is_moved))
    movement = gradients.movement
    scores = embedding_scores(
        rows,
        movement.is_moved,
        known.n_unmoved[~is_excluded],
        frequencies,
        movement.chance_missed,
    )
    _write(builder, scores, known, is_excluded, _is_held_out(question, builder))
    return None


@dataclass(frozen=True)
class _Known:
    """Of all documents: their different tokens, and those that rule them out; zeros where no row is
    known to have stood still."""

    n_different: NDArray[np.int64]
    n_unmoved: NDArray[np.int64]


def _known_vocabulary(builder: AuditBuilder) -> _Known:
    found = builder.columns(
        "SELECT coalesce(n_different, 0)::BIGINT AS n_different, "
        "coalesce(n_unmoved, 0)::BIGINT AS n_unmoved "
        "FROM documents LEFT JOIN document_vocabulary USING (document_id) ORDER BY document_id"
    )
    return _Known(np.asarray(found["n_different"]), np.asarray(found["n_unmoved"]))


def _n_tokens(question: ResolvedAudit, builder: AuditBuilder) -> int:
    """Where documents are cut: as fine-tuning cut them, where positions show it."""
    known = VocabularyFacts.from_plain(builder.meta("vocabulary")).max_tokens
    return known or question.training.max_tokens


@contextmanager
def _cut_after(model: TextModel, n_tokens: int) -> Iterator[None]:
    before, model.max_tokens = model.max_tokens, n_tokens
    try:
        yield
    finally:
        model.max_tokens = before


def _is_held_out(question: ResolvedAudit, builder: AuditBuilder) -> NDArray[np.bool_]:
    found = builder.columns(
        "SELECT source = ? AND NOT in_reference AS held_out FROM documents ORDER BY document_id",
        [question.spec.held_out_source or ""],
    )["held_out"]
    return np.asarray(found, bool)


def _write(
    builder: AuditBuilder,
    found: EmbeddingScores,
    known: _Known,
    is_excluded: NDArray[np.bool_],
    is_held_out: NDArray[np.bool_],
) -> None:
    """Excluded documents rank last, by their unmoved tokens and then by the share of their tokens
    that moved: no gradient of theirs is taken."""
    n_documents = len(is_excluded)
    scores = -2.0 * known.n_unmoved + 1 - known.n_unmoved / np.maximum(known.n_different, 1)
    scores[~is_excluded] = found.scores
    p_values = q_values = np.full(n_documents, np.nan)
    if is_held_out.any():
        test = embedding_test(scores, is_held_out)
        p_values, q_values = test.p_values, test.q_values
    builder.write(
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


def _of_all(values: NDArray, is_excluded: NDArray[np.bool_]) -> list[float | None]:
    """The values of scored documents, and None for the others."""
    own = iter(values.tolist())
    return [None if excluded else next(own) for excluded in is_excluded]
