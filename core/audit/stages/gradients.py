"""The seed corpus' pseudolabels and gradients: computed once, then read from the cache."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.blocks import ROWS_PER_BLOCK
from assay.cache.files.precomputed import SCORES, open_gradients
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.gradient_request import PROJECTION_SEED, GradientRequest, document_key
from assay.core.audit.precomputed import with_cached_rows
from assay.core.gradients.projection import folded
from assay.core.models.examples import TextDocument
from assay.core.models.inner_layer_gradients import InnerGradients
from assay.core.models.loading import ModelPair
from assay.core.models.per_example_gradients import (
    ClassifierGradients,
    GradientModels,
    GradientRows,
    LanguageGradients,
)
from assay.core.runtime.progress import Progress
from assay.core.specs.audit import GradientLayers

# Documents that are sorted by length and held in memory together; a multiple of ROWS_PER_BLOCK.
_WINDOW = 16 * ROWS_PER_BLOCK


def compute_gradients(audit: AuditContext, models: GradientModels) -> None:
    """Fill ``scores``, ``factors`` and ``targets`` of the audit from the cache, extending it.

    A damaged cache file is set aside and rebuilt; memory does not grow with the corpus.
    """
    with_cached_rows(
        open_gradients,
        audit.store,
        audit.question.gradients.key,
        "gradient",
        audit.progress,
        lambda gradients: _fill(audit, gradients, models),
    )


def _fill(audit: AuditContext, gradients: RowStore, models: GradientModels) -> None:
    builder = audit.builder
    for table in ("scores", "factors", "targets"):
        builder.clear(table)
    norms, targets = models.target_norms, models.stored_targets
    for checkpoint, norm in enumerate(norms.tolist()):
        builder.write_target(checkpoint, norm, None if targets is None else targets[checkpoint])
    for first in range(0, audit.n_documents, _WINDOW):
        documents = audit.documents(first, _WINDOW)
        hashes = [document_key(document) for document in documents]
        missing = gradients.missing(hashes)
        audit.progress.advance(len(hashes) - len(missing))
        _extend(
            gradients,
            [hashes[index] for index in missing],
            [documents[index] for index in missing],
            models,
            audit.progress,
        )
        _copy(builder, gradients, audit.question.gradients, hashes, first, norms)


def _extend(
    gradients: RowStore,
    hashes: list[str],
    documents: list[TextDocument],
    models: GradientModels,
    progress: Progress,
) -> None:
    """Compute what the cache lacks; a block is committed as soon as it is full."""
    pending: GradientRows | None = None
    for batch in models.of(documents) if documents else ():
        pending = batch if pending is None else _joined(pending, batch)
        while len(pending.indices) >= ROWS_PER_BLOCK:
            _append(gradients, hashes, _part(pending, slice(None, ROWS_PER_BLOCK)))
            pending = _part(pending, slice(ROWS_PER_BLOCK, None))
        progress.advance(len(batch.indices))
    if pending is not None and len(pending.indices):
        _append(gradients, hashes, pending)


def _append(gradients: RowStore, hashes: list[str], rows: GradientRows) -> None:
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
    gradients.append([hashes[index] for index in rows.indices], scores, rows.arrays)


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


def _joined(first: GradientRows, second: GradientRows) -> GradientRows:
    def join(one: Any, other: Any) -> Any:
        if isinstance(one, dict):
            return {name: join(one[name], other[name]) for name in one}
        return None if one is None else np.concatenate([one, other])

    return GradientRows(
        **{f.name: join(getattr(first, f.name), getattr(second, f.name)) for f in fields(first)}
    )


def _part(rows: GradientRows, chosen: slice) -> GradientRows:
    def cut(values: Any) -> Any:
        if isinstance(values, dict):
            return {name: cut(value) for name, value in values.items()}
        return None if values is None else values[chosen]

    return GradientRows(**{f.name: cut(getattr(rows, f.name)) for f in fields(rows)})


def take_gradients(audit: AuditContext, pair: ModelPair) -> None:
    if audit.builder.is_done("gradients"):
        return
    models = gradient_models(audit, pair)
    with audit.stage("gradients", audit.n_documents):
        compute_gradients(audit, models)


def gradient_models(audit: AuditContext, pair: ModelPair) -> GradientModels:
    """The gradient computation that an audit asks for, for both models."""
    n_checkpoints = audit.spec.n_checkpoints
    stored = audit.question.gradients.stored_dimension
    if stored is None:
        return ClassifierGradients(pair, n_checkpoints)
    layers = audit.spec.gradient_layers
    if layers is not GradientLayers.LAST_LAYER:
        return InnerGradients(pair, n_checkpoints, layers, stored, PROJECTION_SEED)
    return LanguageGradients(pair, n_checkpoints, stored, PROJECTION_SEED)
