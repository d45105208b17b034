"""How far rows of the input embeddings moved along each document's own gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.precomputed import open_agreements
from assay.cache.files.row_cache import RowStore
from assay.cache.store import Store
from assay.core.audit.gradient_request import document_key
from assay.core.audit.precomputed import with_cached_rows
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.errors import InputError
from assay.core.models.embedding_gradients import CHECKPOINTS, EmbeddingGradients
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import TextModel
from assay.core.runtime.progress import Progress
from assay.core.specs.hashing import content_key
from assay.core.specs.strategies import Strategy
from assay.core.specs.vocabulary import VocabularyFacts
from assay.core.stats.embedding_membership import (
    EmbeddingScores,
    TokenAgreements,
    embedding_scores,
    embedding_test,
)

# Part of the cache's key: raise it when the same document would agree otherwise.
_VERSION = 1
# Documents sorted by length at a time.
_WINDOW = 4096
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

    The question comes back without that strategy where the embeddings allow nothing; the reason
    stands in ``meta``. InputError if no other strategy is asked for.
    """
    if Strategy.EMBEDDING_MATCH not in question.spec.strategies:
        return question
    if not builder.is_done(_STAGE):
        ((n_documents,),) = builder.rows("SELECT count(*) FROM documents")
        with progress.stage(_STAGE, n_documents), builder.stage(_STAGE):
            problem = _score(question, builder, store, pair, progress)
            builder.put_meta(_META, {"problem": problem, "checkpoints": CHECKPOINTS})
    problem = builder.meta(_META)["problem"]
    if problem is None:
        return question
    progress.note(f"no document is scored by input embeddings: {problem}")
    others = tuple(s for s in question.spec.strategies if s is not Strategy.EMBEDDING_MATCH)
    if not others:
        raise InputError(
            "a strategy that these models allow",
            f"{Strategy.EMBEDDING_MATCH} alone. {problem}",
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
        f"The strategy “{Strategy.EMBEDDING_MATCH.shown_as}” was left out, which says nothing of a "
        f"leak. {problem}"
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
    n_tokens = _n_tokens(question, builder)
    with _cut_after(pair.final, n_tokens):
        rows = with_cached_rows(
            open_agreements,
            store,
            _key(question, n_tokens),
            "embedding gradient",
            progress,
            lambda kept: _filled(builder, kept, gradients, progress),
        )
    movement = gradients.movement
    scores = embedding_scores(
        rows,
        movement.is_moved,
        _n_unmoved(builder, len(rows)),
        np.bincount(rows.tokens, minlength=len(movement.is_moved)),
        movement.chance_missed,
    )
    _write(builder, scores, _is_held_out(question, builder))
    return None


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


def _key(question: ResolvedAudit, n_tokens: int) -> str:
    return content_key(
        _STAGE,
        _VERSION,
        CHECKPOINTS,
        question.base_sha256,
        question.final_sha256,
        question.settings_sha256,
        question.spec.task,
        question.spec.label_words,
        n_tokens,
        question.compute.precision,
    )[:32]


def _filled(
    builder: AuditBuilder, kept: RowStore, gradients: EmbeddingGradients, progress: Progress
) -> TokenAgreements:
    """Every document's rows, in order; what the cache lacks is computed and kept, batch by
    batch."""
    ((n_documents,),) = builder.rows("SELECT count(*) FROM documents")
    lengths, tokens, agreements = [], [], []
    for first in range(0, n_documents, _WINDOW):
        rows = builder.rows(
            "SELECT text, n_prompt_characters FROM documents "
            "WHERE document_id >= ? AND document_id < ? ORDER BY document_id",
            [first, first + _WINDOW],
        )
        documents = [TextDocument(text, None, n_prompt) for text, n_prompt in rows]
        keys = [document_key(document) for document in documents]
        missing = kept.missing(keys)
        progress.advance(len(keys) - len(missing))
        if missing:
            chosen = [documents[index] for index in missing]
            _extend(kept, [keys[index] for index in missing], chosen, gradients, progress)
        found = kept.find(keys)
        lengths.append(found["tokens"].combine_chunks().value_lengths().to_numpy())
        tokens.append(found["tokens"].combine_chunks().flatten().to_numpy())
        agreements.append(found["agreements"].combine_chunks().flatten().to_numpy())
    all_tokens = np.concatenate(tokens)
    return TokenAgreements(
        np.concatenate([[0], np.cumsum(np.concatenate(lengths))]),
        all_tokens,
        np.concatenate(agreements).reshape(len(all_tokens), -1),
    )


def _extend(
    kept: RowStore,
    keys: Sequence[str],
    documents: Sequence[TextDocument],
    gradients: EmbeddingGradients,
    progress: Progress,
) -> None:
    for batch in gradients.of(documents):
        ends = np.cumsum(batch.n_tokens)[:-1]
        agreements = [own.ravel() for own in np.split(batch.agreements, ends)]
        kept.append(
            [keys[index] for index in batch.indices],
            {"tokens": np.split(batch.tokens, ends), "agreements": agreements},
            {},
        )
        progress.advance(len(batch.indices))


def _n_unmoved(builder: AuditBuilder, n_documents: int) -> NDArray[np.int64]:
    """Tokens that rule each document out; none where no row is known to have stood still."""
    found = builder.columns(
        "SELECT n_unmoved::BIGINT AS n FROM document_vocabulary ORDER BY document_id"
    )["n"]
    return np.asarray(found) if len(found) else np.zeros(n_documents, np.int64)


def _is_held_out(question: ResolvedAudit, builder: AuditBuilder) -> NDArray[np.bool_]:
    found = builder.columns(
        "SELECT source = ? AND NOT in_reference AS held_out FROM documents ORDER BY document_id",
        [question.spec.held_out_source or ""],
    )["held_out"]
    return np.asarray(found, bool)


def _write(builder: AuditBuilder, scores: EmbeddingScores, is_held_out: NDArray[np.bool_]) -> None:
    n_documents = len(scores.scores)
    nothing = np.full(n_documents, np.nan)
    p_values, q_values = nothing, nothing
    if is_held_out.any():
        test = embedding_test(scores.scores, is_held_out)
        p_values, q_values = test.p_values, test.q_values
    builder.write(
        "embedding_scores",
        {
            "document_id": np.arange(n_documents),
            "score": scores.scores,
            "agreement": scores.agreements,
            "n_moved": scores.n_moved,
            "rests_on": scores.rests_on,
            "p_value": p_values,
            "q_value": q_values,
        },
    )
