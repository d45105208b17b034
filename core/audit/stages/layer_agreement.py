"""How far a language model's linear layers moved along each document's own gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.audit.cached_layer_scores import cached_layer_scores, sampled_documents
from assay.core.audit.context import AuditContext
from assay.core.audit.stages.trained_part import TrainedPart
from assay.core.models.examples import TextDocument
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.loading import ModelPair
from assay.core.specs.strategies import Strategy

LAYERS = TrainedPart("layer gradients", "layer_gradients", (Strategy.LAYER_MATCH,))


@dataclass(frozen=True)
class AskedLayers:
    """The layers to compare documents with, and the documents that they were prepared with."""

    layers: LayerAgreement
    sample: tuple[TextDocument, ...]


def score_by_layers(audit: AuditContext, pair: ModelPair) -> None:
    """Fill ``layer_scores`` where the strategy is asked for."""

    def score(asked: AskedLayers) -> None:
        scores = cached_layer_scores(audit, asked.layers, asked.sample)
        columns = {"document_id": np.arange(len(scores)), "score": scores}
        audit.builder.write("layer_scores", columns)

    LAYERS.compare(audit, lambda: _asked(audit, pair), score)


def asked_layers(audit: AuditContext, pair: ModelPair) -> AskedLayers | None:
    """What the stage compares with; None where it compares nothing."""
    return LAYERS.prepared(audit, lambda: _asked(audit, pair))


def _asked(audit: AuditContext, pair: ModelPair) -> AskedLayers:
    sample = sampled_documents(audit)
    return AskedLayers(LayerAgreement(pair, sample), sample)
