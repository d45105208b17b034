"""Which gradients an audit needs, and how selection reads them back."""

from __future__ import annotations

from dataclasses import dataclass

from assay.cache.audits.writer import AuditBuilder
from assay.core.gradients.features import (
    FactoredGradients,
    GradientFeatures,
    gradient_features,
    projected_factors,
)
from assay.core.models.examples import TextDocument
from assay.core.specs.audit import AuditSpec
from assay.core.specs.hashing import exact_hash

# Part of every key: raise it when the numbers this stage computes change.
GRADIENT_VERSION = 4


@dataclass(frozen=True)
class GradientRequest:
    """Which gradients an audit wants, and where they are kept.

    ``stored_dimension`` and ``dimension``: of the projection in the cache and of the part of it
    that the audit uses; both None where gradients are kept exactly.
    """

    key: str
    stored_dimension: int | None
    dimension: int | None


PROJECTION_SEED = 0


# What the gradient cache keeps of gradients that are not kept exactly: 64 × 64.
STORED_DIMENSION = 4096


def read_features(builder: AuditBuilder, spec: AuditSpec) -> GradientFeatures:
    """Factored and exact for classification unless a projection was asked for; else projected."""
    features = gradient_features(builder.gradients())
    if spec.projection_dimension is None or not isinstance(features, FactoredGradients):
        return features
    return projected_factors(features, spec.projection_dimension, PROJECTION_SEED)


def document_key(document: TextDocument) -> str:
    """A document's key in the caches: what of it is scored matters as its text does."""
    if not document.n_prompt_characters:
        return exact_hash(document.text)
    return exact_hash(f"{document.n_prompt_characters}\0{document.text}")
