"""Membership scores of documents that a language model reads, computed once and cached."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.precomputed import open_token_scores
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.document_rows import DocumentRows, Rows, fill, windows_of
from assay.core.audit.gradient_request import document_key
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.examples import Example
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import example_batches
from assay.core.models.token_log_probs import evidence_of_batch
from assay.core.specs.data import Task
from assay.core.specs.hashing import content_key
from assay.core.specs.strategies import Baseline, baselines_for
from assay.core.stats.membership_scores import token_scores

# Part of the cache's key: raise it when the same document would have other scores.
_VERSION = 1


def cached_token_scores(
    audit: AuditContext, pair: ModelPair
) -> dict[Baseline, NDArray[np.float64]]:
    """Every score of every document, in order; a killed run continues after its last block."""
    rows = token_score_rows(audit.question, pair)

    def use(kept: RowStore) -> NDArray[np.float64]:
        fill(kept, rows, windows_of(audit), audit.progress, audit.engine)
        found = [
            np.stack(kept.find([document_key(one) for one in documents])["scores"].to_numpy())
            for documents in windows_of(audit)
        ]
        return np.concatenate(found)

    scores = rows.with_cached(audit.store, audit.progress, use)
    return dict(zip(baselines_for(Task.SFT), scores.T, strict=True))


def token_score_rows(question: ResolvedAudit, pair: ModelPair) -> DocumentRows:
    """The membership scores of documents, as the cache keeps them."""
    final = pair.final
    return DocumentRows(
        open_token_scores,
        _key(question),
        "membership score",
        lambda documents: example_batches(final.examples(documents)),
        _of_pair(pair),
        _of_pair,
    )


def _of_pair(pair: ModelPair) -> Callable[[Sequence[Example]], Rows]:
    base, final = pair.base, pair.final
    assert isinstance(base, LanguageModel)
    assert isinstance(final, LanguageModel)

    def of_batch(batch: Sequence[Example]) -> Rows:
        found = [token_scores(evidence) for evidence in evidence_of_batch(base, final, batch)]
        in_order = [[own[name] for name in baselines_for(Task.SFT)] for own in found]
        return Rows({"scores": in_order}, {})

    return of_batch


def _key(question: ResolvedAudit) -> str:
    return content_key(
        "membership scores",
        _VERSION,
        baselines_for(Task.SFT),
        *question.of_models,
        question.training.max_tokens,
        question.compute.precision,
    )[:32]
