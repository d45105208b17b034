"""The seed corpus' pseudolabels and gradients: computed once, then read from the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.precomputed import SCORES, open_gradients
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.document_rows import DocumentRows, Rows, fill, windows_of
from assay.core.audit.gradient_request import PROJECTION_SEED, GradientRequest, document_key
from assay.core.gradients.projection import folded
from assay.core.models.examples import Example
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.loading import ModelPair
from assay.core.models.per_example_gradients import (
    ClassifierGradients,
    GradientModels,
    GradientRows,
    LanguageGradients,
)
from assay.core.specs.audit import GradientLayers

_TABLES = ("scores", "factors", "targets")


def compute_gradients(audit: AuditContext, models: GradientModels) -> None:
    """Fill ``scores``, ``factors`` and ``targets`` of the audit from the cache, extending it.

    A damaged cache file is set aside and rebuilt; memory does not grow with the corpus.
    """
    rows = gradient_rows(audit, models)

    def use(kept: RowStore) -> None:
        fill(kept, rows, windows_of(audit), audit.progress, audit.engine)
        _write(audit, kept, models)

    rows.with_cached(audit.store, audit.progress, use)


def gradient_rows(audit: AuditContext, models: GradientModels) -> DocumentRows:
    """The gradients that an audit needs, as the cache keeps them."""
    return DocumentRows(
        open_gradients,
        audit.question.gradients.key,
        "gradient",
        models.batches,
        lambda batch: _as_kept(models.of_batch(batch)),
        _GradientKind.of(audit),
    )


def _as_kept(rows: GradientRows) -> Rows:
    unlabelled = [None] * len(rows.indices)
    scores = {
        "pseudolabel": unlabelled if rows.pseudolabel is None else rows.pseudolabel,
        "final_probability": unlabelled
        if rows.final_probability is None
        else rows.final_probability,
        "base_loss": rows.base_loss,
        "alignment": list(rows.alignment),
        "squared_norms": list(rows.squared_norms),
    }
    return Rows(scores, rows.arrays)


def _write(audit: AuditContext, kept: RowStore, models: GradientModels) -> None:
    builder = audit.builder
    for table in _TABLES:
        builder.clear(table)
    norms, targets = models.target_norms, models.stored_targets
    for checkpoint, norm in enumerate(norms.tolist()):
        builder.write_target(checkpoint, norm, None if targets is None else targets[checkpoint])
    first = 0
    for documents in windows_of(audit):
        keys = [document_key(document) for document in documents]
        _copy(builder, kept, audit.question.gradients, keys, first, norms)
        first += len(documents)


def _copy(
    builder: AuditBuilder,
    gradients: RowStore,
    request: GradientRequest,
    hashes: list[str],
    first: int,
    target_norms: NDArray[np.float64],
) -> None:
    scores = gradients.find(hashes)
    for step in range(len(target_norms)):
        for name in ("projected",) if request.dimension else ("errors", "hidden"):
            matrix = gradients.matrix(f"{name}:{step}", scores)
            if request.dimension:
                matrix = smaller_projection(matrix, request)
            builder.write_matrix("factors", {"checkpoint": step, "name": name}, matrix, first)
    alignment, squared_norms = (
        np.stack(scores[name].to_numpy()) for name in ("alignment", "squared_norms")
    )
    lengths = np.sqrt(squared_norms) * target_norms
    cosines = np.divide(alignment, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    builder.write(
        "scores",
        {
            "document_id": np.arange(first, first + len(hashes)),
            **{name: scores[name] for name in SCORES},
            "cosine": cosines.mean(axis=1),
        },
    )


def smaller_projection(
    products: NDArray[np.float32], request: GradientRequest
) -> NDArray[np.float32]:
    """The part of a stored projection that an audit asked for; its inner products are estimates."""
    stored, wanted = request.stored_dimension, request.dimension
    if stored is None or wanted is None or wanted == stored:
        return products
    return folded(products, wanted)


def take_gradients(audit: AuditContext, pair: ModelPair) -> None:
    if audit.builder.is_done("gradients"):
        return
    models = gradient_models(audit, pair)
    with audit.stage("gradients", audit.n_documents, in_parts=_TABLES):
        compute_gradients(audit, models)


def gradient_models(audit: AuditContext, pair: ModelPair) -> GradientModels:
    """The gradient computation that an audit asks for, for both models."""
    return _GradientKind.of(audit).models(pair)


@dataclass(frozen=True)
class _GradientKind:
    """Which gradients; ``stored_dimension`` None for exact ones of a classifier's last layer."""

    n_checkpoints: int
    layers: GradientLayers
    stored_dimension: int | None

    @classmethod
    def of(cls, audit: AuditContext) -> _GradientKind:
        stored = audit.question.gradients.stored_dimension
        return cls(audit.spec.n_checkpoints, audit.spec.gradient_layers, stored)

    def models(self, pair: ModelPair) -> GradientModels:
        stored = self.stored_dimension
        if stored is None:
            return ClassifierGradients(pair, self.n_checkpoints)
        if self.layers is not GradientLayers.LAST_LAYER:
            return InnerGradients(pair, self.n_checkpoints, self.layers, stored, PROJECTION_SEED)
        return LanguageGradients(pair, self.n_checkpoints, stored, PROJECTION_SEED)

    def __call__(self, pair: ModelPair) -> Callable[[Sequence[Example]], Rows]:
        models = self.models(pair)
        return lambda batch: _as_kept(models.of_batch(batch))
