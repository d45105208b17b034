"""Whether a pair of models can be audited, and the reasons; decided before any score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.context import AuditContext
from assay.core.gradients.weight_difference import (
    LayerDifference,
    coarser,
    layer_difference,
    stored_type,
)
from assay.core.models.linear_layers import inner_layers
from assay.core.models.loading import ModelPair
from assay.core.models.text_model import TextModel
from assay.core.runtime.progress import Progress
from assay.core.specs.audit import Assessability, GradientLayers
from assay.core.specs.results.audit import Assessment, DifferenceFacts, ModelFacts, PairFacts

# A fine-tuned tensor stays near its base; between unrelated models the cosine is about 0.
_MIN_LINEAGE_COSINE = 0.5
# A change of less than this many rounding floors is hardly a change.
_MIN_TIMES_FLOOR = 3.0
_MIN_DECAY_CORRELATION = 0.2
# Between them lies 0.80, the flatness of normally distributed differences.
_FLAT, _PEAKED = 0.86, 0.65
# Of a tensor's entries that must have changed for its flatness to be that of the updates.
_WHOLE = 0.5


@dataclass(frozen=True)
class ScoredPart:
    """The weights whose gradients are taken: their change, and what rounding alone would change."""

    name: str
    difference_norm: float
    floor_norm: float

    @classmethod
    def of(cls, name: str, layers: Sequence[LayerDifference]) -> ScoredPart:
        """Several tensors combined into one."""
        return cls(name, _norm(layers, "difference_norm"), _norm(layers, "floor_norm"))

    @property
    def times_floor(self) -> float:
        """Its change as a multiple of the change that rounding alone would cause."""
        return self.difference_norm / self.floor_norm if self.floor_norm else float("inf")


def assess(
    layers: Sequence[LayerDifference], scored: ScoredPart, base_name: str, caveats: Sequence[str]
) -> Assessment:
    """Assess a pair by how its tensors differ. ``caveats``: what loading had to assume.

    "Not assessable" never means "no leak": it means that nothing can be concluded this way.
    """
    hints = _hints(layers)
    against = _lineage(layers, base_name) or _immobile(layers, scored)
    if against:
        return Assessment(Assessability.NOT_ASSESSABLE, (against,), hints)
    doubts = (*_near_floor(scored), *caveats)
    if doubts:
        return Assessment(Assessability.LIMITED, doubts, hints)
    moved = (
        f"The base model fits the final model, and {scored.name} changed "
        f"{scored.times_floor:,.0f} times as much as rounding alone would cause."
    )
    return Assessment(Assessability.ASSESSABLE, (moved,), hints)


def lineage_cosine(layers: Sequence[LayerDifference]) -> float | None:
    """The mean cosine of final with base over all tensors, weighted by their entries."""
    known = [layer for layer in layers if layer.base_norm]
    return _weighted(known, "cosine") if known else None


def _lineage(layers: Sequence[LayerDifference], base_name: str) -> str | None:
    """Whether the base belongs to another model."""
    cosine = lineage_cosine(layers)
    if cosine is None or cosine >= _MIN_LINEAGE_COSINE:
        return None
    return (
        f"The base {base_name} does not fit this final model: their weights have a cosine of "
        f"{cosine:.2f}; for a fine-tuned model it is close to 1. Give the model that the final "
        "one was fine-tuned from."
    )


def _immobile(layers: Sequence[LayerDifference], scored: ScoredPart) -> str | None:
    if scored.difference_norm:
        return None
    n_moved = sum(layer.difference_norm > 0 for layer in layers)
    return (
        f"Not assessable by {scored.name}: it did not move in fine-tuning, while {n_moved} of "
        f"{len(layers)} tensors did, as with an adapter that does not include it. This is not "
        f"evidence of no leak. Repeat with --gradient-layers {GradientLayers.CHANGED} to use the "
        "layers that changed."
    )


def _near_floor(scored: ScoredPart) -> list[str]:
    times = scored.times_floor
    if times >= _MIN_TIMES_FLOOR:
        return []
    return [
        f"{scored.name[:1].upper()}{scored.name[1:]} changed only {times:.1f} times as much as "
        "rounding its weights would cause: much of the difference is noise."
    ]


def _hints(layers: Sequence[LayerDifference]) -> tuple[str, ...]:
    """What the matrices' differences suggest about the optimizer; hints, not proof."""
    moved = [layer for layer in layers if layer.difference_norm and layer.full_rank > 1]
    if not moved:
        return ()
    hints = [f"{_weighted(layers, 'share_changed'):.0%} of all weights changed."]
    low = [layer for layer in moved if layer.rank_90 <= max(1, layer.full_rank // 16)]
    if len(low) > len(moved) / 2:
        hints.append(
            f"{len(low)} of {len(moved)} changed matrices changed in few directions only, as with "
            "a low-rank adapter."
        )
    decay = _weighted(moved, "decay_correlation")
    if decay < -_MIN_DECAY_CORRELATION:
        hints.append(
            f"Weights shrank in proportion to their size (correlation {decay:.2f}), as with "
            "weight decay. No document explains that part of the difference."
        )
    # Rows of tokens that did not occur did not move, whatever the optimizer.
    flatness = _weighted([one for one in moved if one.share_changed > _WHOLE] or moved, "flatness")
    if flatness > _FLAT:
        hints.append("Most weights changed by about the same amount, as after few steps of Adam.")
    elif flatness < _PEAKED:
        hints.append("A few weights changed a lot and most little, as with plain gradient descent.")
    return tuple(hints)


def _norm(layers: Sequence[LayerDifference], field: str) -> float:
    return float(sum(getattr(layer, field) ** 2 for layer in layers) ** 0.5)


def _weighted(layers: Sequence[LayerDifference], field: str) -> float:
    total = sum(layer.n_entries for layer in layers)
    return float(sum(getattr(layer, field) * layer.n_entries for layer in layers) / total)


def assess_pair(audit: AuditContext, pair: ModelPair) -> Assessability:
    """Compare the two models tensor by tensor, write the results, and return the assessment."""
    builder, spec = audit.builder, audit.spec
    if not builder.is_done("assess"):
        n_tensors = len(list(pair.base.model.parameters()))
        with audit.stage("assess", n_tensors):
            stored_as = coarser(_stored_as(pair.base), _stored_as(pair.final))
            layers = _differences(pair, stored_as, audit.progress)
            scored = _scored_part(spec.gradient_layers, pair, layers, stored_as)
            base_name = repr(Path(spec.base).name)
            assessment = assess(layers, scored, base_name, pair.caveats)
            builder.put_meta("assessment", asdict(assessment))
            _write_layers(builder, layers)
            _write_facts(builder, pair, layers, scored)
    return Assessability(builder.meta("assessment")["verdict"])


def _differences(
    pair: ModelPair, stored_as: torch.dtype, progress: Progress
) -> list[LayerDifference]:
    layers = []
    with torch.inference_mode():
        for name, parameter in pair.initial_parameters():
            final = pair.final.parameter(name)
            layers.append(layer_difference(name, parameter, final, stored_as))
            progress.advance(1)
    return layers


def _scored_part(
    which: GradientLayers, pair: ModelPair, layers: list[LayerDifference], stored_as: torch.dtype
) -> ScoredPart:
    """The weights whose gradients will be taken; for the last layer, its label rows and bias."""
    if which is GradientLayers.LAST_LAYER:
        with torch.inference_mode():
            head = layer_difference(
                which.shown_as, pair.initial_head(), pair.final.head(), stored_as
            )
        return ScoredPart.of(which.shown_as, [head])
    names = inner_layers(pair.base, pair.final, which)
    own = [layer for layer in layers if layer.name.rpartition(".")[0] in names]
    return ScoredPart.of(which.shown_as, own)


def _stored_as(model: TextModel) -> torch.dtype:
    return stored_type(value for _, value in model.parameters())


def _write_layers(builder: AuditBuilder, layers: Sequence[LayerDifference]) -> None:
    rows = [asdict(layer) for layer in layers]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    builder.write("layers", {"position": range(len(rows)), **columns})


def _write_facts(
    builder: AuditBuilder,
    pair: ModelPair,
    layers: Sequence[LayerDifference],
    scored: ScoredPart,
) -> None:
    base_norm = sum(layer.base_norm**2 for layer in layers) ** 0.5
    change = sum(layer.difference_norm**2 for layer in layers) ** 0.5
    difference = DifferenceFacts(
        n_tensors=len(layers),
        n_tensors_changed=sum(layer.difference_norm > 0 for layer in layers),
        n_parameters=sum(layer.n_entries for layer in layers),
        n_parameters_changed=sum(round(layer.share_changed * layer.n_entries) for layer in layers),
        relative_change=change / max(base_norm, 1e-12),
        lineage_cosine=lineage_cosine(layers),
        scored_part=scored.name,
        scored_change=scored.difference_norm,
        scored_floor=scored.floor_norm,
    )
    facts = PairFacts(_model_facts(pair.base), _model_facts(pair.final), difference)
    for model, own in asdict(facts).items():
        for fact, value in own.items():
            builder.put_fact(model, fact, value)


def _model_facts(model: TextModel) -> ModelFacts:
    precision = str(_stored_as(model)).removeprefix("torch.")
    return ModelFacts(precision, type(model.model).__name__)
