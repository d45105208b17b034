"""How far a selection's pseudolabels are from the reference set's class shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.core.audit.context import AuditContext
from assay.core.audit.metrics.base import SetMetric
from assay.core.similarity.vocabulary import class_shares, total_variation
from assay.core.specs.metrics import Metric


class Imbalance(SetMetric):
    """Total variation from the reference set's labels, or from equal shares if it has none."""

    metric, ceiling = Metric.IMBALANCE, 0.0

    def __init__(self, audit: AuditContext, n_classes: int) -> None:
        self._n_classes = n_classes
        self._pseudolabels = audit.scores.pseudolabels
        labels = audit.rows.reference_labels()
        if len(labels):
            self._expected = class_shares(labels, n_classes)
            self._method = "total variation from the reference set's labels"
        else:
            self._expected = np.full(n_classes, 1 / n_classes)
            self._method = "total variation from equal shares"

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        shares = class_shares(self._pseudolabels[list(documents)], self._n_classes)
        return total_variation(shares, self._expected), self._method
