"""How far a selection's summed gradient points along the weight difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.cache.audits.rows import AuditRows
from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.metrics.base import SelectionMetric
from assay.core.gradients.features import GradientFeatures
from assay.core.selection.greedy import in_order
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import Interval, random_band


class Cosine(SelectionMetric):
    """The objective a selection reaches."""

    metric, ceiling = Metric.COSINE, 1.0

    def __init__(self, rows: AuditRows) -> None:
        self._rows = rows

    def band(self, draws: Sequence[Sequence[int]]) -> Interval:
        """Of the last of the sizes that ``write_random_objective`` measured."""
        band = self._rows.largest_random_objective()
        return Interval(band.mean, band.low, band.high)

    def measure(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """The objective it reached, with its own weights where it has any."""
        objective = self._rows.selection(strategy).objective[-1]
        is_weighted = strategy is Strategy.SELECT_PLUS
        return objective, "weighted sum" if is_weighted else "mean over checkpoints"


def write_random_objective(
    builder: AuditBuilder, features: GradientFeatures, draws: Sequence[Sequence[int]]
) -> None:
    """Fill ``random_objective``: the cosine of random selections as they grow."""
    curves = np.array([in_order(features, draw).objective for draw in draws])
    bands = [random_band(own) for own in curves.T]
    builder.write(
        "random_objective",
        {
            "n_selected": range(1, len(bands) + 1),
            "mean": [band.value for band in bands],
            "low": [band.low for band in bands],
            "high": [band.high for band in bands],
        },
    )
