"""The models' predictions, evaluated as metric rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.context import AuditContext, text_document
from assay.core.audit.metrics.rows import MetricRow, Null, with_interval, write_metrics
from assay.core.models.examples import Predictions, TextDocument
from assay.core.models.loading import ModelPair
from assay.core.similarity.vocabulary import class_shares
from assay.core.specs.audit import AuditSpec
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.stats.intervals import Interval, accuracy, mean_loss, share_of_targets

_OF_SHARES = "Korn–Graubard interval over documents"
_OF_LOSSES = "jackknife t-interval over documents, on the logarithm"


class PredictionMetrics:
    """Compares predictions for one set of documents with the truth and with the final model's."""

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
        """Agreement with the final model and, on a test set, the metrics that need true labels."""
        rows = [self._agreement(subject, predictions)]
        if self._spec.test is None:
            return rows
        if self._spec.task is Task.SFT:
            return [*rows, self._perplexity(subject, predictions)]
        return [*rows, *self._accuracy(subject, predictions)]

    def outcomes(self, predictions: Predictions) -> NDArray[np.float64]:
        """Per document, what the metric that compares students sums over targets, (n)."""
        if self._spec.test is not None and self._spec.task is Task.SFT:
            return np.asarray(predictions.losses, np.float64)
        if self._spec.test is None:
            return predictions.of_documents(predictions.choices == self._final_choices)
        labels = np.array([document.label for document in self._documents], np.int64)
        return (predictions.choices == labels).astype(np.float64)

    def _agreement(self, subject: str, predictions: Predictions) -> MetricRow:
        is_alike = predictions.choices == self._final_choices
        n = len(predictions.n_targets)
        if self._spec.task is Task.CLASSIFICATION:
            method = f"Wilson interval, on {self._where}"
            return with_interval(subject, Metric.AGREEMENT, accuracy(is_alike), n, method)
        found, counts = predictions.of_documents(is_alike), predictions.n_targets
        interval = share_of_targets(found, counts) or _alone(found.sum() / counts.sum())
        method = f"share of equal predictions of the next token; {_OF_SHARES}, on {self._where}"
        return with_interval(subject, Metric.AGREEMENT, interval, n, method)

    def _perplexity(self, subject: str, predictions: Predictions) -> MetricRow:
        losses, counts = predictions.losses, predictions.n_targets
        mean = mean_loss(losses, counts) or _alone(losses.sum() / counts.sum())
        interval = Interval(*np.exp([mean.value, mean.low, mean.high]).tolist())
        n = len(predictions.n_targets)
        return with_interval(subject, Metric.PERPLEXITY, interval, n, f"all tokens, {_OF_LOSSES}")

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
                Null(Interval(majority, majority, majority), "largest class"),
            ),
            MetricRow(
                subject,
                Metric.LOSS,
                value=float(predictions.losses.mean()),
                method="mean cross-entropy, nats",
                n=n,
            ),
        ]


def _alone(value: float) -> Interval:
    """A value without an interval, because there are too few documents for one."""
    return Interval(float(value), float("nan"), float("nan"))


def weight_cosine(subject: str, value: float) -> MetricRow:
    """How far a student moved in the final model's direction."""
    return MetricRow(
        subject,
        Metric.WEIGHT_COSINE,
        value=value,
        method="cosine of two differences from the base, the student's and the final model's, over "
        "all weights that the base has",
    )


_N_AGREEMENT_DOCUMENTS = 500


def predict(audit: AuditContext, pair: ModelPair) -> None:
    """What the final and the base model predict for the documents that students are tested on."""
    builder, progress = audit.builder, audit.progress
    if builder.is_done("predictions"):
        return
    documents = evaluation_documents(audit)
    examples = pair.final.examples(documents)
    with audit.stage("predict", 2 * len(documents), "predictions"):
        final = pair.final.predict(examples, progress.advance)
        # Students begin here: with the final model's head it would not be a model before
        # fine-tuning.
        before = pair.student(audit.training.seed) if pair.drawn else pair.base
        base = before.predict(examples, progress.advance)
        builder.put_meta("evaluation_choices", final.choices.tolist())
        judge = PredictionMetrics(audit.spec, documents, final.choices, pair.final.label_names)
        write_metrics(builder, [*judge.rows("final", final), *judge.rows("base", base)])


def evaluation_documents(audit: AuditContext) -> list[TextDocument]:
    """The test set or, without one, seed documents that no strategy selected."""
    if audit.spec.test is not None:
        return [text_document(stored) for stored in audit.rows.test_documents()]
    drawn = audit.rows.unselected(_N_AGREEMENT_DOCUMENTS) or audit.rows.some_documents(
        _N_AGREEMENT_DOCUMENTS
    )
    return [text_document(stored) for stored in drawn]
