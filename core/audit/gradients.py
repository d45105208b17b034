"""The seed corpus' pseudolabels and gradients: computed once, then read from the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from cache.blocks import ROWS_PER_BLOCK, DamagedBlock
from cache.gradients import GradientStore, open_gradients
from cache.home import Store
from cache.writer import AuditBuilder
from core.maths.features import FactoredGradients
from core.models.factors import FactorModels, Factors
from core.progress import Progress
from core.specs import exact_hash

# Part of every key: raise it when the numbers this stage computes change.
GRADIENT_VERSION = 2
# Documents sorted by length and held in memory at a time; a multiple of ROWS_PER_BLOCK.
_WINDOW = 16 * ROWS_PER_BLOCK


def compute_gradients(
    builder: AuditBuilder, store: Store, key: str, models: FactorModels, progress: Progress
) -> None:
    """Fill ``scores``, ``factors`` and ``targets`` of the audit from the cache, extending it.

    A damaged cache file is set aside and rebuilt; memory does not grow with the corpus.
    """
    try:
        _fill(builder, store, key, models, progress)
    except DamagedBlock:
        _fill(builder, store, key, models, progress)


def factored_gradients(builder: AuditBuilder) -> FactoredGradients:
    """The gradients as selection wants them, read back from the audit file."""
    return FactoredGradients(*builder.factors())


def _fill(
    builder: AuditBuilder, store: Store, key: str, models: FactorModels, progress: Progress
) -> None:
    for table in ("scores", "factors", "targets"):
        builder.clear(table)
    targets = models.targets
    for checkpoint, target in enumerate(targets):
        builder.write_target(checkpoint, target)
    ((n_documents,),) = builder.rows("SELECT count(*) FROM documents")
    waiting: Callable[[], None] = lambda: progress.note(  # noqa: E731
        "waiting for another audit of the same models"
    )
    damaged: Callable[[str], None] = lambda path: progress.note(  # noqa: E731
        f"the gradient cache was damaged; it is kept as {path} and computed anew"
    )
    with open_gradients(store, key, waiting, damaged) as gradients:
        for first in range(0, n_documents, _WINDOW):
            rows = builder.rows(
                "SELECT text FROM documents WHERE document_id >= ? AND document_id < ? "
                "ORDER BY document_id",
                [first, first + _WINDOW],
            )
            texts = [row[0] for row in rows]
            hashes = [exact_hash(text) for text in texts]
            missing = gradients.missing(hashes)
            progress.advance(len(hashes) - len(missing))
            _extend(
                gradients,
                [hashes[index] for index in missing],
                [texts[index] for index in missing],
                models,
                progress,
            )
            _copy(builder, gradients, hashes, first, targets)


def _extend(
    gradients: GradientStore,
    hashes: list[str],
    texts: list[str],
    models: FactorModels,
    progress: Progress,
) -> None:
    """Compute what the cache lacks, committing a block as soon as one is full."""
    pending: Factors | None = None
    for batch in models.of(texts) if texts else ():
        pending = batch if pending is None else _joined(pending, batch)
        while len(pending.indices) >= ROWS_PER_BLOCK:
            _append(gradients, hashes, _part(pending, slice(None, ROWS_PER_BLOCK)))
            pending = _part(pending, slice(ROWS_PER_BLOCK, None))
        progress.advance(len(batch.indices))
    if pending is not None and len(pending.indices):
        _append(gradients, hashes, pending)


def _append(gradients: GradientStore, hashes: list[str], factors: Factors) -> None:
    arrays: dict[str, NDArray[np.float32]] = {}
    for checkpoint in range(len(factors.errors)):
        arrays[f"errors:{checkpoint}"] = factors.errors[checkpoint]
        arrays[f"hidden:{checkpoint}"] = factors.hidden[checkpoint]
    scores: dict[str, NDArray] = {
        "pseudolabel": factors.pseudolabel,
        "final_probability": factors.final_probability,
        "base_loss": factors.base_loss,
    }
    gradients.append([hashes[index] for index in factors.indices], scores, arrays)


def _copy(
    builder: AuditBuilder,
    gradients: GradientStore,
    hashes: list[str],
    first: int,
    targets: NDArray[np.float32],
) -> None:
    scores = gradients.scores(hashes)
    checkpoints = range(len(targets))
    errors = np.stack([gradients.matrix(f"errors:{j}", scores) for j in checkpoints])
    hidden = np.stack([gradients.matrix(f"hidden:{j}", scores) for j in checkpoints])
    for j in checkpoints:
        builder.write_matrix("factors", {"checkpoint": j, "name": "errors"}, errors[j], first)
        builder.write_matrix("factors", {"checkpoint": j, "name": "hidden"}, hidden[j], first)
    features = FactoredGradients(errors, hidden, targets)
    norms = np.sqrt(features.squared_norms)
    lengths = norms * features.target_norms[:, None]
    cosines = np.divide(features.alignment, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    builder.write(
        "scores",
        {
            "document_id": np.arange(first, first + len(hashes)),
            "pseudolabel": scores["pseudolabel"],
            "final_probability": scores["final_probability"],
            "base_loss": scores["base_loss"],
            "alignment": features.alignment.mean(axis=0, dtype=np.float64),
            "gradient_norm": norms.mean(axis=0, dtype=np.float64),
            "cosine": cosines.mean(axis=0, dtype=np.float64),
        },
    )


def _joined(first: Factors, second: Factors) -> Factors:
    return Factors(
        **{
            field.name: np.concatenate(
                [getattr(first, field.name), getattr(second, field.name)],
                axis=_row_axis(field.name),
            )
            for field in fields(Factors)
        }
    )


def _part(factors: Factors, rows: slice) -> Factors:
    return Factors(
        **{
            field.name: getattr(factors, field.name)[
                (slice(None),) * _row_axis(field.name) + (rows,)
            ]
            for field in fields(Factors)
        }
    )


def _row_axis(field: str) -> int:
    return 1 if field in ("errors", "hidden") else 0
