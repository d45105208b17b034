"""Agreements of documents with the movement of input embeddings, computed once and cached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.precomputed import open_agreements
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.document_rows import DocumentRows, Rows, fill, windows_of
from assay.core.audit.gradient_request import document_key
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.gradients.embedding_sketch import N_BUCKETS, N_DIRECTIONS
from assay.core.models.embedding_gradients import (
    CHECKPOINTS,
    LANGUAGE_CHECKPOINTS,
    AgreementRows,
    EmbeddingGradients,
)
from assay.core.models.examples import Example, TextDocument
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import TextModel
from assay.core.specs.hashing import content_key
from assay.core.stats.embedding_membership import TokenAgreements
from assay.core.stats.training_vocabulary import document_frequencies

# Part of the cache's key: raise it when the same document would agree otherwise.
_VERSION = 4
PROJECTED_WIDTH = N_BUCKETS * N_DIRECTIONS

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class KeptGradients:
    """Of the m documents that were run: projected (m × k, float32), squared_norms and alignment
    (m, float64); see ``AgreementRows``."""

    projected: NDArray[np.float32]
    squared_norms: NDArray[np.float64]
    alignment: NDArray[np.float64]


@dataclass(frozen=True)
class AgreementWindow:
    """Consecutive documents: which are not excluded (n, bool), and the rows of those, in order."""

    is_asked: NDArray[np.bool_]
    rows: TokenAgreements
    kept: KeptGradients


def with_agreements(
    audit: AuditContext,
    gradients: EmbeddingGradients,
    is_excluded: NDArray[np.bool_],
    n_tokens: int,
    use: Callable[[Iterator[AgreementWindow]], _Made],
) -> _Made:
    """What ``use`` returns for all documents of the audit, window by window; cut after
    ``n_tokens``.

    A killed run continues after its last block. Other audits of the pair read the same cache.
    ``use`` is called again if the cache turns out to be damaged.
    """
    rows = agreement_rows(audit.question, gradients, n_tokens)

    def filled(kept: RowStore) -> _Made:
        asked = asked_windows(audit, is_excluded)
        audit.progress.advance(int(is_excluded.sum()))
        fill(kept, rows, asked, audit.progress, audit.engine)
        return use(_windows(audit, kept, is_excluded))

    return rows.with_cached(audit.store, audit.progress, filled)


def _windows(
    audit: AuditContext, kept: RowStore, is_excluded: NDArray[np.bool_]
) -> Iterator[AgreementWindow]:
    first = 0
    for documents in windows_of(audit):
        is_asked = ~is_excluded[first : first + len(documents)]
        first += len(documents)
        asked = [one for one, is_own in zip(documents, is_asked, strict=True) if is_own]
        yield AgreementWindow(is_asked, *_read(kept, asked))


def agreement_rows(
    question: ResolvedAudit, gradients: EmbeddingGradients, n_tokens: int
) -> DocumentRows:
    """The agreements of documents cut after ``n_tokens``, as the cache keeps them."""
    return DocumentRows(
        open_agreements,
        _key(question, n_tokens),
        "embedding gradient",
        gradients.batches,
        lambda batch: _as_kept(gradients.of_batch(batch)),
        _of_pair,
    )


def _of_pair(pair: ModelPair) -> Callable[[Sequence[Example]], Rows]:
    gradients = EmbeddingGradients(pair)
    return lambda batch: _as_kept(gradients.of_batch(batch))


def asked_windows(
    audit: AuditContext, is_excluded: NDArray[np.bool_]
) -> Iterator[list[TextDocument]]:
    """The seed corpus without excluded documents, in order."""
    first = 0
    for window in windows_of(audit):
        asked = ~is_excluded[first : first + len(window)]
        first += len(window)
        if asked.any():
            yield [one for one, is_asked in zip(window, asked, strict=True) if is_asked]


def corpus_frequencies(audit: AuditContext, model: TextModel, n_ids: int) -> NDArray[np.int64]:
    """The number of seed documents that each token occurs in, (V); excluded documents count too."""
    counts = np.zeros(n_ids, np.int64)
    for documents in windows_of(audit):
        ids = (example.token_ids for example in model.examples(documents))
        counts += document_frequencies(ids, n_ids)
    return counts


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


def _as_kept(batch: AgreementRows) -> Rows:
    ends = np.cumsum(batch.n_tokens)[:-1]
    values = {
        "tokens": np.split(batch.tokens, ends),
        "agreements": [own.ravel() for own in np.split(batch.agreements, ends)],
        "squared_norms": batch.squared_norms,
        "alignment": batch.alignment,
    }
    return Rows(values, {"projected": batch.projected})


def _read(
    kept: RowStore, documents: Sequence[TextDocument]
) -> tuple[TokenAgreements, KeptGradients]:
    """The rows of some documents, in order."""
    if not documents:
        nothing = np.zeros(0)
        return (
            TokenAgreements(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros((0, 1), "f4")),
            KeptGradients(np.zeros((0, PROJECTED_WIDTH), np.float32), nothing, nothing),
        )
    found = kept.find([document_key(document) for document in documents])
    lengths = found["tokens"].combine_chunks().value_lengths().to_numpy()
    tokens = found["tokens"].combine_chunks().flatten().to_numpy()
    agreements = found["agreements"].combine_chunks().flatten().to_numpy()
    n_labels = len(agreements) // max(1, len(tokens))
    rows = TokenAgreements(
        np.concatenate([[0], np.cumsum(lengths)]),
        tokens,
        agreements.reshape(len(tokens), max(1, n_labels)),
    )
    numbers = (found[name].to_numpy() for name in ("squared_norms", "alignment"))
    return rows, KeptGradients(kept.matrix("projected", found), *numbers)
