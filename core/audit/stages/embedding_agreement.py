"""How far rows of the input embeddings moved along each document's own gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import TokenCounts
from assay.core.audit.cached_agreements import agreements_of, corpus_frequencies
from assay.core.audit.context import AuditContext
from assay.core.errors import InputError
from assay.core.models.embedding_gradients import (
    EmbeddingGradients,
)
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import TextModel
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.embedding_membership import (
    EmbeddingScores,
    embedding_scores,
    embedding_test,
)

_STAGE = "embedding gradients"
_META = "embedding_gradients"


def score_by_embeddings(audit: AuditContext, pair: ModelPair) -> AuditContext:
    """Fill ``embedding_scores``, if the strategy that needs them is asked for.

    Documents that cannot have been trained on are not run through the models. Returns the question
    without this strategy if the embeddings do not allow it; the reason is written to ``meta``.
    InputError if no other strategy is asked for.
    """
    question, builder, progress = audit.question, audit.builder, audit.progress
    if Strategy.EMBEDDING_MATCH not in question.spec.strategies:
        return audit
    if not builder.is_done(_STAGE):
        with audit.stage(_STAGE, audit.n_documents):
            problem = _score(audit, pair)
            builder.put_meta(_META, {"problem": problem})
    problem = builder.meta(_META)["problem"]
    if problem is None:
        return audit
    progress.note(f"documents are not scored by input embeddings: {problem}")
    others = tuple(s for s in question.spec.strategies if s is not Strategy.EMBEDDING_MATCH)
    if not others:
        raise InputError(
            "a strategy that works for these models",
            f"only {Strategy.EMBEDDING_MATCH}, which does not ({problem.rstrip('.')})",
            "add another --strategy",
        )
    answerable = replace(question, spec=replace(question.spec, strategies=others))
    return replace(audit, question=answerable)


def what_was_left_out(audit: AuditContext) -> list[str]:
    """A caveat if the strategy was asked for but could not be run."""
    builder = audit.builder
    problem = builder.meta(_META)["problem"] if builder.has_meta(_META) else None
    if problem is None:
        return []
    return [
        f"The strategy “{Strategy.EMBEDDING_MATCH.shown_as}” was left out, which says nothing "
        f"about a leak. {problem}"
    ]


def _score(audit: AuditContext, pair: ModelPair) -> str | None:
    """The reason if nothing could be scored; None if documents were scored."""
    try:
        gradients = EmbeddingGradients(pair)
    except InputError as error:
        return str(error)
    known = audit.rows.token_counts()
    is_excluded = (known.n_unmoved > 0) & gradients.movement.proves_absence
    n_tokens = _n_tokens(audit)
    with _cut_after(pair.final, n_tokens):
        rows = agreements_of(audit, gradients, is_excluded, n_tokens)
        frequencies = corpus_frequencies(audit, pair.final, len(gradients.movement.is_moved))
    movement = gradients.movement
    scores = embedding_scores(
        rows,
        movement.is_moved,
        known.n_unmoved[~is_excluded],
        frequencies,
        movement.chance_missed,
    )
    _write(audit, scores, known, is_excluded)
    return None


def _n_tokens(audit: AuditContext) -> int:
    """Where documents are cut: as in fine-tuning, if positions show it."""
    known = VocabularyFacts.from_plain(audit.builder.meta("vocabulary")).max_tokens
    return known or audit.training.max_tokens


@contextmanager
def _cut_after(model: TextModel, n_tokens: int) -> Iterator[None]:
    before, model.max_tokens = model.max_tokens, n_tokens
    try:
        yield
    finally:
        model.max_tokens = before


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


def _of_all(values: NDArray, is_excluded: NDArray[np.bool_]) -> list[float | None]:
    """The values of scored documents, and None for the others."""
    own = iter(values.tolist())
    return [None if excluded else next(own) for excluded in is_excluded]
