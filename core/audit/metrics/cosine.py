"""The cosine of a selection's summed gradient with the weight difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.base import SelectionMetric
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy


class Cosine(SelectionMetric):
    """The objective that a selection reaches."""

    metric, ceiling = Metric.COSINE, 1.0

    def __init__(self, audit: AuditContext) -> None:
        self._audit = audit

    def of_draws(self, draws: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Of the random selections whose cosines are stored; exact, like those of strategies."""
        return np.array(self._audit.builder.meta("random_cosines"))

    def measure(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """The objective it reached, with its own weights if it has any."""
        objective = self._audit.rows.selection(strategy).objective[-1]
        sums = (
            "of the weighted sum" if strategy is Strategy.SELECT_PLUS else "mean over checkpoints"
        )
        return objective, f"{sums}{self._estimated(strategy)}"

    def _estimated(self, strategy: Strategy) -> str:
        """The cosine that the selection reached by the estimates it was made from."""
        try:
            estimates = self._audit.builder.meta("projection")["estimates"]
        except KeyError:
            return ""
        return f", exact; {estimates[strategy]:.3f} by the projection it was selected with"
