"""An audit's gradients as selection wants them, read back from its file."""

from __future__ import annotations

from cache.writer import AuditBuilder
from core.maths.features import (
    FactoredGradients,
    GradientFeatures,
    gradient_features,
    projected_factors,
)
from core.specs import AuditSpec

PROJECTION_SEED = 0
# What the gradient cache keeps of gradients that are not kept exactly: 64 × 64.
STORED_DIMENSION = 4096


def read_features(builder: AuditBuilder, spec: AuditSpec) -> GradientFeatures:
    """Factored and exact for classification unless a projection was asked for; else projected."""
    features = gradient_features(builder.gradients())
    if spec.projection_dimension is None or not isinstance(features, FactoredGradients):
        return features
    return projected_factors(features, spec.projection_dimension, PROJECTION_SEED)
