"""How good the models are: what their predictions are worth, as metric rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.audit.metric_rows import MetricRow, with_interval
from core.maths.located import Interval, accuracy
from core.maths.overlap import class_shares
from core.maths.resampling import ratio_interval
from core.models.examples import Predictions, TextDocument
from core.specs import AuditSpec, Metric, Task

_BOOTSTRAP = "bootstrap interval over documents"


class PredictionJudge:
    """Judges predictions of one set of documents against truth and against the final model's."""

    def __init__(
        self,
        spec: AuditSpec,
        documents: Sequence[TextDocument],
        final_choices: NDArray[np.int64],
        label_names: Sequence[str],
    ) -> None:
        self._spec, self._documents = spec, documents
        self._final_choices, self._n_classes = final_choices, len(label_names)
        has_test = spec.test is not None
        self._where = "test documents" if has_test else "documents outside every selection"

    def rows(self, subject: str, predictions: Predictions) -> list[MetricRow]:
        """Agreement with the final model and, on a test set, what its truth says."""
        rows = [self._agreement(subject, predictions)]
        if self._spec.test is None:
            return rows
        if self._spec.task is Task.SFT:
            return [*rows, self._perplexity(subject, predictions)]
        return [*rows, *self._accuracy(subject, predictions)]

    def _agreement(self, subject: str, predictions: Predictions) -> MetricRow:
        is_alike = predictions.choices == self._final_choices
        n = len(predictions.n_targets)
        if self._spec.task is Task.CLASSIFICATION:
            method = f"Wilson interval, {self._where}"
            return with_interval(subject, Metric.AGREEMENT, accuracy(is_alike), n, method)
        interval = ratio_interval(predictions.of_documents(is_alike), predictions.n_targets)
        method = f"likeliest next tokens, {_BOOTSTRAP}, {self._where}"
        return with_interval(subject, Metric.AGREEMENT, interval, n, method)

    def _perplexity(self, subject: str, predictions: Predictions) -> MetricRow:
        mean = ratio_interval(predictions.losses, predictions.n_targets)
        interval = Interval(*np.exp([mean.value, mean.low, mean.high]).tolist())
        n = len(predictions.n_targets)
        return with_interval(subject, Metric.PERPLEXITY, interval, n, f"all tokens, {_BOOTSTRAP}")

    def _accuracy(self, subject: str, predictions: Predictions) -> list[MetricRow]:
        labels = np.array([document.label for document in self._documents], np.int64)
        majority = float(class_shares(labels, self._n_classes).max())
        n = len(labels)
        return [
            with_interval(
                subject,
                Metric.ACCURACY,
                accuracy(predictions.choices == labels),
                n,
                "Wilson interval",
                null=Interval(majority, majority, majority),
                null_kind="largest class alone",
            ),
            MetricRow(
                subject,
                Metric.LOSS,
                float(predictions.losses.mean()),
                "mean cross-entropy, nats",
                n=n,
            ),
        ]


def weight_cosine(subject: str, value: float) -> MetricRow:
    """How far a student moved the way the final model did."""
    return MetricRow(subject, Metric.WEIGHT_COSINE, value, "all weights, student and final − base")
