"""The first stage of an audit: how the weights changed, and whether that allows any answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from cache.writer import AuditBuilder
from core.audit.assessability import ScoredPart, assess, lineage_cosine
from core.audit.question import Question
from core.maths.weights import LayerDifference, coarser, layer_difference, stored_type
from core.models.inner_layers import inner_layers
from core.models.loading import ModelPair
from core.models.text_model import TextModel
from core.progress import Progress
from core.specs import Assessability, GradientLayers


def assess_pair(
    question: Question, builder: AuditBuilder, pair: ModelPair, progress: Progress
) -> Assessability:
    """Compare the two models tensor by tensor, write what was found, and return the verdict."""
    if not builder.is_done("assess"):
        n_tensors = len(list(pair.base.model.parameters()))
        with progress.stage("assess", n_tensors), builder.stage("assess"):
            stored_as = coarser(_stored_as(pair.base), _stored_as(pair.final))
            layers = _differences(pair, stored_as, progress)
            scored = _scored_part(question.spec.gradient_layers, pair, layers, stored_as)
            base_name = repr(Path(question.spec.base).name)
            assessment = assess(layers, scored, base_name, pair.caveats)
            builder.put_meta("assessment", asdict(assessment))
            _write_layers(builder, layers)
            _write_facts(builder, pair, layers, scored)
    return Assessability(builder.meta("assessment")["verdict"])


def _differences(
    pair: ModelPair, stored_as: torch.dtype, progress: Progress
) -> list[LayerDifference]:
    final = dict(pair.final.model.named_parameters())
    layers = []
    with torch.inference_mode():
        for name, parameter in pair.base.model.named_parameters():
            layers.append(layer_difference(name, parameter, final[name], stored_as))
            progress.advance(1)
    return layers


def _scored_part(
    which: GradientLayers, pair: ModelPair, layers: list[LayerDifference], stored_as: torch.dtype
) -> ScoredPart:
    """What gradients will be taken of: of the last layer its label rows and bias alone."""
    if which is GradientLayers.LAST_LAYER:
        with torch.inference_mode():
            head = layer_difference(which.shown_as, pair.base.head(), pair.final.head(), stored_as)
        return ScoredPart.of(which.shown_as, [head])
    names = inner_layers(pair.base, pair.final, which)
    own = [layer for layer in layers if layer.name.rpartition(".")[0] in names]
    return ScoredPart.of(which.shown_as, own)


def _stored_as(model: TextModel) -> torch.dtype:
    return stored_type(model.model.parameters())


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
    for name, model in (("base", pair.base), ("final", pair.final)):
        builder.put_fact(name, "architecture", type(model.model).__name__)
        builder.put_fact(name, "precision", str(_stored_as(model)).removeprefix("torch."))
    base_norm = sum(layer.base_norm**2 for layer in layers) ** 0.5
    change = sum(layer.difference_norm**2 for layer in layers) ** 0.5
    facts = {
        "n_tensors": len(layers),
        "n_tensors_changed": sum(layer.difference_norm > 0 for layer in layers),
        "n_parameters": sum(layer.n_entries for layer in layers),
        "n_parameters_changed": sum(
            round(layer.share_changed * layer.n_entries) for layer in layers
        ),
        "relative_change": change / max(base_norm, 1e-12),
        "lineage_cosine": lineage_cosine(layers),
        "scored_part": scored.name,
        "scored_change": scored.difference_norm,
        "scored_floor": scored.floor_norm,
    }
    for fact, value in facts.items():
        builder.put_fact("difference", fact, value)
