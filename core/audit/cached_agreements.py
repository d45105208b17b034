"""Agreements of documents with the movement of input embeddings, computed once and cached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.blocks import ROWS_PER_BLOCK
from assay.cache.files.precomputed import open_agreements
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.gradient_request import document_key
from assay.core.audit.precomputed import with_cached_rows
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.gradients.embedding_sketch import N_BUCKETS, N_DIRECTIONS
from assay.core.models.embedding_gradients import (
    CHECKPOINTS,
    LANGUAGE_CHECKPOINTS,
    EmbeddingGradients,
)
from assay.core.models.examples import TextDocument
from assay.core.models.text_model import TextModel
from assay.core.runtime.progress import Progress
from assay.core.specs.hashing import content_key
from assay.core.stats.embedding_membership import TokenAgreements
from assay.core.stats.training_vocabulary import document_frequencies

# Part of the cache's key: raise it when the same document would agree otherwise.
_VERSION = 3
# Documents sorted by length at a time.
_WINDOW = 4096


@dataclass(frozen=True)
class KeptGradients:
    """Of the m documents that were run: projected (m × k, float32), squared_norms and alignment
    (m, float64); see ``AgreementRows``."""

    projected: NDArray[np.float32]
    squared_norms: NDArray[np.float64]
    alignment: NDArray[np.float64]


def agreements_of(
    audit: AuditContext,
    gradients: EmbeddingGradients,
    is_excluded: NDArray[np.bool_],
    n_tokens: int,
) -> tuple[TokenAgreements, KeptGradients]:
    """Of every document of the audit that is not excluded, in order; cut after ``n_tokens``.

    A killed run continues after its last batch. Other audits of the pair read the same cache.
    """
    return with_cached_rows(
        open_agreements,
        audit.store,
        _key(audit.question, n_tokens),
        "embedding gradient",
        audit.progress,
        lambda kept: _filled(audit, kept, gradients, is_excluded),
    )


def corpus_frequencies(audit: AuditContext, model: TextModel, n_ids: int) -> NDArray[np.int64]:
    """The number of seed documents that each token occurs in, (V); excluded documents count too."""
    counts = np.zeros(n_ids, np.int64)
    for documents in _windows(audit):
        ids = (example.token_ids for example in model.examples(documents))
        counts += document_frequencies(ids, n_ids)
    return counts


def _windows(audit: AuditContext) -> Iterator[list[TextDocument]]:
    for first in range(0, audit.n_documents, _WINDOW):
        yield audit.documents(first, _WINDOW)


def _key(question: ResolvedAudit, n_tokens: int) -> str:
    return content_key(
        "embedding gradients",
        _VERSION,
        CHECKPOINTS,
        LANGUAGE_CHECKPOINTS,
        *question.of_models,
        n_tokens,
        question.compute.precision,
    )[:32]


def _filled(
    audit: AuditContext,
    kept: RowStore,
    gradients: EmbeddingGradients,
    is_excluded: NDArray[np.bool_],
) -> tuple[TokenAgreements, KeptGradients]:
    """The rows of every document that is not excluded, in order; what the cache lacks is computed
    and kept, batch by batch."""
    progress = audit.progress
    starts, first = [np.zeros(1, np.int64)], 0
    tokens, agreements = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)]
    projected = [np.zeros((0, N_BUCKETS * N_DIRECTIONS), np.float32)]
    numbers = [np.zeros((0, 2))]
    for window in _windows(audit):
        asked = ~is_excluded[first : first + len(window)]
        documents = [one for one, is_asked in zip(window, asked, strict=True) if is_asked]
        first += len(window)
        if not documents:
            progress.advance(len(window))
            continue
        keys = [document_key(document) for document in documents]
        missing = kept.missing(keys)
        progress.advance(len(window) - len(missing))
        if missing:
            chosen = [documents[index] for index in missing]
            _extend(kept, [keys[index] for index in missing], chosen, gradients, progress)
        found = kept.find(keys)
        lengths = found["tokens"].combine_chunks().value_lengths().to_numpy()
        starts.append(starts[-1][-1] + np.cumsum(lengths))
        tokens.append(found["tokens"].combine_chunks().flatten().to_numpy())
        agreements.append(found["agreements"].combine_chunks().flatten().to_numpy())
        projected.append(kept.matrix("projected", found))
        columns = [found[name].to_numpy() for name in ("squared_norms", "alignment")]
        numbers.append(np.stack(columns, axis=1))
    all_tokens = np.concatenate(tokens)
    n_labels = sum(map(len, agreements)) // max(1, len(all_tokens))
    rows = TokenAgreements(
        np.concatenate(starts),
        all_tokens,
        np.concatenate(agreements).reshape(len(all_tokens), max(1, n_labels)),
    )
    return rows, KeptGradients(np.concatenate(projected), *np.concatenate(numbers).T)


def _extend(
    kept: RowStore,
    keys: Sequence[str],
    documents: Sequence[TextDocument],
    gradients: EmbeddingGradients,
    progress: Progress,
) -> None:
    for batch in gradients.of(documents):
        ends = np.cumsum(batch.n_tokens)[:-1]
        tokens = np.split(batch.tokens, ends)
        agreements = [own.ravel() for own in np.split(batch.agreements, ends)]
        # Of short documents a batch holds more than a block does.
        for start in range(0, len(batch.indices), ROWS_PER_BLOCK):
            rows = slice(start, start + ROWS_PER_BLOCK)
            kept.append(
                [keys[index] for index in batch.indices[rows]],
                {
                    "tokens": tokens[rows],
                    "agreements": agreements[rows],
                    "squared_norms": batch.squared_norms[rows],
                    "alignment": batch.alignment[rows],
                },
                {"projected": batch.projected[rows]},
            )
        progress.advance(len(batch.indices))
