"""The exact cosines of selections and of random ones, computed from sums of gradients.

A projection only estimates the products that selections are made from. Greedy selection exploits
its errors, so its own estimate of the cosine is too high. The gradients of selected documents, and
of random selections, are therefore summed exactly while both models are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.cache.files.precomputed import open_sums
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext, text_document
from assay.core.audit.gradient_request import document_key
from assay.core.audit.metrics.null_draws import random_draws
from assay.core.audit.precomputed import with_cached_rows
from assay.core.audit.stages.gradients import gradient_models
from assay.core.gradients.blocked import BlockedFactors, BlockedProjections
from assay.core.gradients.features import (
    FactoredGradients,
    GradientFeatures,
    ProjectedGradients,
)
from assay.core.gradients.growing_sums import GrowingSum, squared_norms_of_factors
from assay.core.gradients.projection import worth
from assay.core.gradients.windows import windows
from assay.core.models.loading import ModelPair
from assay.core.selection.matching_pursuit import weights_by_rank
from assay.core.specs.audit import GradientLayers
from assay.core.specs.hashing import content_key
from assay.core.specs.results.audit import Projection
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import random_band

# Part of the cache's key: raise it when the same sum would have another length.
_VERSION = 1
# The sizes at which growing random selections are measured.
_N_SIZES = 24
# Without stored factors, an exact sum needs a pass over each of its documents. So only few random
# selections are made: the minimum for a band that leaves out one in 20.
_N_DRAWS_OF_PASSES = 39

SquaredNorms = list[NDArray[np.float64]]


def take_exact_cosines(audit: AuditContext, pair: ModelPair) -> None:
    """Replace estimated cosines of selections by exact ones, and fill ``random_objective``.

    Facts kept: ``projection`` (dimension, its worth in dense dimensions, each selection's estimate)
    if selections were made from estimates; ``random_cosines``, one per random selection.
    """
    spec, builder, progress = audit.spec, audit.builder, audit.progress
    if builder.is_done("exact cosines"):
        return
    features = audit.gradients.last_layers()
    is_exact = isinstance(features, FactoredGradients | BlockedFactors)
    is_estimated = not is_exact or bool(spec.projection_dimension)
    chosen = _selected(audit) if is_estimated else {}
    draws = random_draws(spec, features.n_documents)
    drawn = [_random_sum(draw) for draw in (draws if is_exact else draws[:_N_DRAWS_OF_PASSES])]
    sums = [*(own for own, _ in chosen.values()), *drawn]
    with audit.stage("exact cosines", len(sums)):
        if is_exact:
            norms = [_of_factors(features, own) for own in sums]
            progress.advance(len(sums))
        else:
            norms = _cached(audit, pair, sums)
        cosines = [
            own.cosines(
                squared,
                np.asarray(features.alignment, np.float64),
                np.asarray(features.target_norms),
            )
            for own, squared in zip(sums, norms, strict=True)
        ]
        if is_estimated:
            _replace_estimates(audit, chosen, cosines)
            _describe_projection(audit, chosen)
        _write_random(builder, drawn, cosines[len(chosen) :])


def _of_factors(features: GradientFeatures, own: GrowingSum) -> NDArray[np.float64]:
    factors = features.subset(own.documents)
    assert isinstance(factors, FactoredGradients)
    renumbered = replace(own, documents=tuple(range(len(own.documents))))
    return squared_norms_of_factors(factors, renumbered)


def _random_sum(documents: Sequence[int]) -> GrowingSum:
    n = len(documents)
    return GrowingSum(tuple(documents), (1.0,) * n, _some_sizes(n))


def _some_sizes(n: int) -> tuple[int, ...]:
    return tuple(np.unique(np.geomspace(1, n, _N_SIZES).round().astype(int)).tolist())


def _selected(audit: AuditContext) -> dict[Strategy, tuple[GrowingSum, float]]:
    """Each selection that is not empty, with its estimated cosine."""
    found = {}
    for strategy in audit.spec.strategies:
        made = audit.rows.selection(strategy)
        if made.documents:
            own = GrowingSum(made.documents, made.weights, _range_to(len(made.documents)))
            if strategy is Strategy.SELECT_PLUS:
                own = _refitted(audit, own)
            found[strategy] = own, made.objective[-1]
    return found


def _refitted(audit: AuditContext, own: GrowingSum) -> GrowingSum:
    """SELECT+ fitted its weights anew at each rank. Of layers whose gradients take passes, each
    size takes passes over all its documents: some sizes then stand for all."""
    weights = weights_by_rank(audit.features(), own.documents)
    if audit.spec.gradient_layers is GradientLayers.LAST_LAYER:
        return replace(own, refitted=weights)
    sizes = _some_sizes(len(own.documents))
    return replace(own, sizes=sizes, refitted=weights[[size - 1 for size in sizes]])


def _range_to(n: int) -> tuple[int, ...]:
    """1 … n."""
    return tuple(range(1, n + 1))


def _cached(audit: AuditContext, pair: ModelPair, sums: Sequence[GrowingSum]) -> SquaredNorms:
    """‖sum‖² of each sum at each size, (J × sizes); cached under what was summed."""
    ids = sorted({document for own in sums for document in own.documents})
    stored = audit.rows.labelled(ids)
    documents = [replace(text_document(stored[number]), label=None) for number in ids]
    place = {document_id: at for at, document_id in enumerate(ids)}
    renumbered = [
        replace(own, documents=tuple(place[document] for document in own.documents)) for own in sums
    ]
    hashes = [document_key(document) for document in documents]
    keys = [
        content_key(
            [hashes[at] for at in own.documents],
            own.weights,
            own.sizes,
            *([] if own.refitted is None else [own.refitted.tolist()]),
        )
        for own in renumbered
    ]
    n_checkpoints, progress = audit.spec.n_checkpoints, audit.progress

    def use(kept: RowStore) -> SquaredNorms:
        missing = dict.fromkeys(keys[position] for position in kept.missing(keys))
        wanted = [renumbered[keys.index(key)] for key in missing]
        progress.advance(len(sums) - len(wanted))
        if wanted:
            models = gradient_models(audit, pair)
            names = list(missing)
            for number, norms in models.squared_norms_of_sums(documents, wanted):
                kept.append([names[number]], {"squared_norms": [norms.ravel()]}, {})
                progress.advance(1)
        found = kept.find(keys)["squared_norms"]
        return [np.asarray(own.as_py()).reshape(n_checkpoints, -1) for own in found]

    key = content_key("sums", _VERSION, audit.question.gradients.key)[:32]
    return with_cached_rows(open_sums, audit.store, key, "sum", progress, use)


def _replace_estimates(
    audit: AuditContext,
    chosen: dict[Strategy, tuple[GrowingSum, float]],
    cosines: Sequence[NDArray[np.float64]],
) -> None:
    builder = audit.builder
    estimates = {
        strategy: np.array(audit.rows.selection(strategy).objective) for strategy in chosen
    }
    builder.clear("selections")
    for (strategy, (own, _)), exact in zip(chosen.items(), cosines, strict=False):
        reached = _at_each_rank(own.sizes, exact, estimates[strategy])
        builder.write(
            "selections",
            {
                "strategy": [str(strategy)] * len(own.documents),
                "rank": range(len(own.documents)),
                "document_id": own.documents,
                "gain": np.diff(reached, prepend=0.0),
                "objective": reached,
                "weight": own.weights,
            },
        )


def _at_each_rank(
    sizes: Sequence[int], exact: NDArray[np.float64], estimates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Exact where it was taken; between, the estimate in the proportion of its neighbours."""
    at = np.array(sizes) - 1
    if len(at) == len(estimates):
        return exact
    there = estimates[at]
    parts = np.divide(exact, there, out=np.ones_like(exact), where=there != 0)
    reached = estimates * np.interp(np.arange(len(estimates)), at, parts)
    reached[at] = exact
    return reached


def _describe_projection(
    audit: AuditContext, chosen: dict[Strategy, tuple[GrowingSum, float]]
) -> None:
    own = audit.features()
    assert isinstance(own, ProjectedGradients | BlockedProjections)
    audit.builder.put_meta(
        "projection",
        asdict(
            Projection(
                own.dimension,
                worth(_lengths(own), np.asarray(own.squared_norms, np.float64)),
                {strategy: estimate for strategy, (_, estimate) in chosen.items()},
            )
        ),
    )


def _lengths(own: ProjectedGradients | BlockedProjections) -> NDArray[np.float64]:
    """‖g_i‖² as the projection estimates it, (J × n)."""
    parts = (own.window(part).projected for part in windows(own.n_documents))
    return np.concatenate([np.square(p, dtype=np.float64).sum(axis=-1) for p in parts], axis=1)


def _write_random(
    builder: AuditBuilder, drawn: Sequence[GrowingSum], cosines: Sequence[NDArray[np.float64]]
) -> None:
    bands = [random_band(own) for own in np.array(cosines).T]
    builder.write(
        "random_objective",
        {
            "n_selected": drawn[0].sizes,
            "mean": [band.value for band in bands],
            "low": [band.low for band in bands],
            "high": [band.high for band in bands],
        },
    )
    builder.put_meta("random_cosines", [float(own[-1]) for own in cosines])
