"""How far a language model's linear layers moved along each document's own gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assay.core.audit.cached_layer_scores import cached_layer_scores, sampled_documents
from assay.core.audit.context import AuditContext
from assay.core.errors import InputError
from assay.core.models.examples import TextDocument
from assay.core.models.layer_agreement import LayerAgreement
from assay.core.models.loading import ModelPair
from assay.core.specs.strategies import Strategy

_STAGE = "layer gradients"
_META = "layer_gradients"


def score_by_layers(audit: AuditContext, pair: ModelPair) -> None:
    """Fill ``layer_scores`` where the strategy is asked for.

    Where the layers allow nothing, the reason stands in ``meta``.
    """
    if not _is_asked(audit) or audit.builder.is_done(_STAGE):
        return
    with audit.stage(_STAGE, audit.n_documents):
        audit.builder.put_meta(_META, {"problem": _score(audit, pair)})


@dataclass(frozen=True)
class AskedLayers:
    """The layers to compare documents with, and the documents that they were prepared with."""

    layers: LayerAgreement
    sample: tuple[TextDocument, ...]


def asked_layers(audit: AuditContext, pair: ModelPair) -> AskedLayers | None:
    """What the stage compares with; None where it compares nothing."""
    if not _is_asked(audit):
        return None
    try:
        return _asked(audit, pair)
    except InputError:
        return None


def why_not_compared(audit: AuditContext) -> str | None:
    """Why no document has a score; None where they have, or none was asked for."""
    return audit.builder.meta(_META)["problem"] if audit.builder.has_meta(_META) else None


def _is_asked(audit: AuditContext) -> bool:
    return Strategy.LAYER_MATCH in audit.spec.strategies


def _asked(audit: AuditContext, pair: ModelPair) -> AskedLayers:
    sample = sampled_documents(audit)
    return AskedLayers(LayerAgreement(pair, sample), sample)


def _score(audit: AuditContext, pair: ModelPair) -> str | None:
    """The reason if nothing could be scored; None if documents were scored."""
    try:
        asked = _asked(audit, pair)
    except InputError as error:
        return str(error)
    scores = cached_layer_scores(audit, asked.layers, asked.sample)
    audit.builder.write("layer_scores", {"document_id": np.arange(len(scores)), "score": scores})
    return None
