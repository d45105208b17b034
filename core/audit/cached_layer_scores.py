"""How far linear layers moved along documents' gradients, computed once and cached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.precomputed import open_layer_scores
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.document_rows import DocumentRows, Rows, fill, windows_of
from assay.core.audit.gradient_request import document_key
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.models.examples import Example, TextDocument
from assay.core.models.layer_agreement import CHECKPOINT, N_BLOCKS, LayerAgreement
from assay.core.models.loading import ModelPair
from assay.core.specs.hashing import content_key

# Part of the cache's key: raise it when the same document would have another score.
_VERSION = 1
# Documents whose tokens give the layers' second moments.
_N_SAMPLED = 512


def cached_layer_scores(
    audit: AuditContext, layers: LayerAgreement, sample: tuple[TextDocument, ...]
) -> NDArray[np.float64]:
    """The score of every document, (n), in order; a killed run continues after its last block.

    ``sample``: what ``layers`` was made with.
    """
    rows = layer_score_rows(audit.question, layers, sample)

    def use(kept: RowStore) -> NDArray[np.float64]:
        fill(kept, rows, windows_of(audit), audit.progress, audit.engine)
        found = [
            kept.find([document_key(one) for one in documents])["score"].to_numpy()
            for documents in windows_of(audit)
        ]
        return np.concatenate(found)

    return rows.with_cached(audit.store, audit.progress, use)


def sampled_documents(audit: AuditContext) -> tuple[TextDocument, ...]:
    """Documents of the seed corpus for second moments: evenly spaced."""
    n_sampled = min(_N_SAMPLED, audit.n_documents)
    chosen = set(np.linspace(0, audit.n_documents - 1, n_sampled).round().astype(int).tolist())
    found, first = [], 0
    for window in windows_of(audit):
        found += [one for place, one in enumerate(window, first) if place in chosen]
        first += len(window)
    return tuple(found)


def layer_score_rows(
    question: ResolvedAudit, layers: LayerAgreement, sample: tuple[TextDocument, ...]
) -> DocumentRows:
    """The scores of documents, as the cache keeps them."""
    return DocumentRows(
        open_layer_scores,
        _key(question, sample),
        "layer score",
        layers.batches,
        _rows(layers),
        _WithSample(sample),
    )


@dataclass(frozen=True)
class _WithSample:
    """How a worker compares documents."""

    sample: tuple[TextDocument, ...]

    def __call__(self, pair: ModelPair) -> Callable[[Sequence[Example]], Rows]:
        return _rows(LayerAgreement(pair, self.sample))


def _rows(layers: LayerAgreement) -> Callable[[Sequence[Example]], Rows]:
    return lambda batch: Rows({"score": layers.of_batch(batch).tolist()}, {})


def _key(question: ResolvedAudit, sample: Sequence[TextDocument]) -> str:
    return content_key(
        "layer agreement",
        _VERSION,
        CHECKPOINT,
        N_BLOCKS,
        *question.of_models,
        question.training.max_tokens,
        question.compute.precision,
        [document_key(document) for document in sample],
    )[:32]
