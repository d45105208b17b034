"""An audit's gradients as selection wants them, read back from its file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cache.writer import AuditBuilder
from core.maths.features import (
    FactoredGradients,
    GradientFeatures,
    ProjectedGradients,
    projected_factors,
)
from core.specs import AuditSpec, Task

PROJECTION_SEED = 0


def read_features(builder: AuditBuilder, spec: AuditSpec) -> GradientFeatures:
    """Factored and exact for classification unless a projection was asked for; else projected."""
    if spec.task is Task.SFT:
        return _projected(builder)
    exact = FactoredGradients(
        _matrices(builder, "errors"), _matrices(builder, "hidden"), _targets(builder)
    )
    if spec.projection_dimension is None:
        return exact
    return projected_factors(exact, spec.projection_dimension, PROJECTION_SEED)


def _projected(builder: AuditBuilder) -> ProjectedGradients:
    table = builder.rows("SELECT alignment, squared_norms FROM scores ORDER BY document_id")
    norms = builder.rows("SELECT norm FROM targets ORDER BY checkpoint")
    return ProjectedGradients(
        _matrices(builder, "projected"),
        np.array([row[0] for row in table]).T,
        np.array([row[1] for row in table]).T,
        np.array([row[0] for row in norms]),
    )


def _targets(builder: AuditBuilder) -> NDArray[np.float32]:
    rows = builder.rows("SELECT n_rows, n_columns, data FROM targets ORDER BY checkpoint")
    return np.stack([np.frombuffer(data, "f4").reshape(n, m) for n, m, data in rows])


def _matrices(builder: AuditBuilder, name: str) -> NDArray[np.float32]:
    """One kind of factor of every checkpoint, (J × n × width)."""
    ((n_checkpoints,),) = builder.rows("SELECT count(*) FROM targets")
    return np.stack(
        [
            builder.matrix("factors", {"checkpoint": checkpoint, "name": name})
            for checkpoint in range(n_checkpoints)
        ]
    )
