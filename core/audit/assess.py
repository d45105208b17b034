"""The first stage of an audit: how the weights changed, and whether that allows any answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from cache.writer import AuditBuilder
from core.audit.assessability import assess, lineage_cosine
from core.audit.question import Question
from core.maths.weights import LayerDifference, coarser, layer_difference, stored_type
from core.models.loading import ModelPair
from core.models.text_model import TextModel
from core.progress import Progress
from core.specs import Assessability


def assess_pair(
    question: Question, builder: AuditBuilder, pair: ModelPair, progress: Progress
) -> Assessability:
    """Compare the two models tensor by tensor, write what was found, and return the verdict."""
    if not builder.is_done("assess"):
        n_tensors = len(list(pair.base.model.parameters()))
        with progress.stage("assess", n_tensors), builder.stage("assess"):
            layers, last_layer = _differences(pair, progress)
            base_name = repr(Path(question.spec.base).name)
            assessment = assess(layers, last_layer, base_name, pair.caveats)
            builder.put_meta("assessment", asdict(assessment))
            _write_layers(builder, layers)
            _write_facts(builder, pair, layers, last_layer)
    return Assessability(builder.meta("assessment")["verdict"])


def _differences(
    pair: ModelPair, progress: Progress
) -> tuple[list[LayerDifference], LayerDifference]:
    """Of every tensor, and of the last layer as gradients see it: its label rows, its bias."""
    final = dict(pair.final.model.named_parameters())
    layers = []
    with torch.inference_mode():
        stored_as = coarser(_stored_as(pair.base), _stored_as(pair.final))
        for name, parameter in pair.base.model.named_parameters():
            layers.append(layer_difference(name, parameter, final[name], stored_as))
            progress.advance(1)
        last_layer = layer_difference(
            "the last layer", pair.base.head(), pair.final.head(), stored_as
        )
    return layers, last_layer


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
    last_layer: LayerDifference,
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
        "head_change": last_layer.difference_norm,
        "head_floor": last_layer.floor_norm,
        "relative_head_change": last_layer.difference_norm / max(last_layer.base_norm, 1e-12),
    }
    for fact, value in facts.items():
        builder.put_fact("difference", fact, value)
