"""How far a selection's summed gradient points along the weight difference."""

from __future__ import annotations

from collections.abc import Sequence

from cache.writer import AuditBuilder
from core.audit.measures.judge import Judge
from core.maths.features import GradientFeatures
from core.maths.selection import in_order
from core.specs import Metric, Strategy


class Cosine(Judge):
    """The objective a selection reaches."""

    metric, ceiling = Metric.COSINE, 1.0

    def __init__(self, builder: AuditBuilder, features: GradientFeatures) -> None:
        self._builder, self._features = builder, features

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        return in_order(self._features, documents).objective[-1], "mean over checkpoints"

    def measure_selection(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """The objective it reached, with its own weights where it has any."""
        query = "SELECT objective FROM selections WHERE strategy = ? ORDER BY rank DESC LIMIT 1"
        ((objective,),) = self._builder.rows(query, [str(strategy)])
        is_weighted = strategy is Strategy.SELECT_PLUS
        return objective, "weighted sum" if is_weighted else "mean over checkpoints"
