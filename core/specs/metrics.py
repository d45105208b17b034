"""Every measured quantity: its name, unit, bounds, chance level, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Metric(StrEnum):
    """One word per measured quantity; ``info`` says what it means."""

    ACCURACY = "accuracy"
    LOSS = "loss"
    PERPLEXITY = "perplexity"
    AGREEMENT = "agreement"
    WEIGHT_COSINE = "weight-cosine"
    LEAD_OVER_RANDOM = "student-lead-over-random"
    STUDENT_LEAD = "student-lead"
    TRANSPORT = "transport"
    EMBEDDING_RECALL = "embedding-recall"
    CONTAINMENT = "containment"
    IMBALANCE = "imbalance"
    COSINE = "cosine"
    RECALL = "recall"
    PRECISION = "precision"
    OVERLAP = "overlap"
    LIFT = "lift"
    MEMBERSHIP_PRECISION = "membership-precision"
    DOMAIN_PRECISION = "domain-precision"
    DOMAIN_AUC = "domain-auc"
    MEMBERSHIP_AUC = "membership-auc"
    MEMBERSHIP_TPR = "membership-tpr"
    MEMBERSHIP_TPR_STRICT = "membership-tpr-strict"
    MEMBERSHIP_LEAD = "membership-lead"
    PREVALENCE = "prevalence"
    DETECTION_LIMIT = "detection-limit"
    MEMBERSHIP_DETECTION_LIMIT = "membership-detection-limit"
    EQUAL_SCORES = "equal-scores"

    @property
    def info(self) -> MetricInfo:
        """What holds for it everywhere."""
        return _INFO[self]


@dataclass(frozen=True)
class MetricInfo:
    """What holds for a metric everywhere.

    ``title`` is used above charts and on axes, ``short`` in columns and sentences. ``chance`` is
    the value without any knowledge, if that is one number. Digits are decimal places; a share,
    which is written in percent, has one.
    """

    title: str
    short: str
    meaning: str
    is_percent: bool = False
    digits: int = 3
    is_lower_better: bool = False
    # A distance from the reference set: "closer" instead of "better".
    is_distance: bool = False
    # The lowest and highest possible value.
    bounds: tuple[float, float] = (0.0, 1.0)
    chance: float | None = None

    @property
    def unit(self) -> str:
        """The unit of its values: % or none."""
        return "%" if self.is_percent else ""

    @property
    def column(self) -> str:
        """The short title with its unit."""
        return f"{self.short}, {self.unit}" if self.unit else self.short

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        side = "lower" if self.is_lower_better else "higher"
        return f"{side} is {'closer' if self.is_distance else 'better'}"


_UNBOUNDED = (0.0, float("inf"))
_SIGNED = (-1.0, 1.0)
_ANY = (-float("inf"), float("inf"))
_INFO = {
    Metric.ACCURACY: MetricInfo(
        "Student accuracy",
        "accuracy",
        "Share of test documents with the correct label.",
        is_percent=True,
    ),
    Metric.LOSS: MetricInfo(
        "Student loss",
        "loss",
        "Mean loss on the test documents, in nats.",
        is_lower_better=True,
        bounds=_UNBOUNDED,
    ),
    Metric.PERPLEXITY: MetricInfo(
        "Student perplexity",
        "perplexity",
        "Exponential of the mean loss per target token of the test documents.",
        digits=2,
        is_lower_better=True,
        bounds=_UNBOUNDED,
    ),
    Metric.AGREEMENT: MetricInfo(
        "Student's agreement with the final model",
        "agreement",
        "Share of targets where the student predicts the same as the final model.",
        is_percent=True,
    ),
    Metric.WEIGHT_COSINE: MetricInfo(
        "Cosine of the student's weight difference",
        "weights' cosine",
        "Cosine between the student's weight difference and the final model's.",
        bounds=_SIGNED,
    ),
    Metric.LEAD_OVER_RANDOM: MetricInfo(
        "Student's lead over random selections' students",
        "lead over random",
        "How much better than the mean of random selections' students, in accuracy, agreement or "
        "nats.",
        bounds=_ANY,
        chance=0.0,
    ),
    Metric.STUDENT_LEAD: MetricInfo(
        "Student's lead over the main strategy's",
        "lead over the main strategy",
        "How much better than the main strategy's student, in accuracy, agreement or nats.",
        bounds=_ANY,
        chance=0.0,
    ),
    Metric.TRANSPORT: MetricInfo(
        "Transport distance to the reference set",
        "transport",
        "Optimal-transport distance to the reference set: squared Euclidean cost between unit "
        "embeddings.",
        is_lower_better=True,
        is_distance=True,
        bounds=_UNBOUNDED,
    ),
    Metric.EMBEDDING_RECALL: MetricInfo(
        "Coverage of reference documents",
        "covered",
        "Share of reference documents with a selected document nearer than their fifth nearest "
        "reference document.",
        is_percent=True,
    ),
    Metric.CONTAINMENT: MetricInfo(
        "Vocabulary containment",
        "containment",
        "Share of the smaller vocabulary (the selection's or the reference set's) that the other "
        "one also has.",
        is_percent=True,
        is_distance=True,
    ),
    Metric.IMBALANCE: MetricInfo(
        "Class imbalance",
        "imbalance",
        "Total variation distance from the reference set's class shares.",
        is_lower_better=True,
    ),
    Metric.COSINE: MetricInfo(
        "Cosine with the weight difference",
        "cosine",
        "Cosine between the selection's summed gradient and the weight difference.",
        bounds=_SIGNED,
    ),
    Metric.RECALL: MetricInfo(
        "Recall of training documents",
        "recall",
        "Share of the pool's training documents that are selected.",
        is_percent=True,
    ),
    Metric.PRECISION: MetricInfo(
        "Precision",
        "precision",
        "Share of the selected documents that are training documents.",
        is_percent=True,
    ),
    Metric.OVERLAP: MetricInfo(
        "Duplicates of reference documents",
        "duplicates",
        "Share of the selected documents that are exact or near duplicates of reference documents.",
        is_percent=True,
    ),
    Metric.LIFT: MetricInfo(
        "Lift over the pool",
        "lift",
        "Precision divided by the share of training documents in the pool.",
        digits=2,
        bounds=_UNBOUNDED,
        chance=1.0,
    ),
    Metric.MEMBERSHIP_PRECISION: MetricInfo(
        "Training documents among selected documents of the domain",
        "trained on",
        "Share of the selected documents of the reference set's domain that are training "
        "documents.",
        is_percent=True,
    ),
    Metric.DOMAIN_PRECISION: MetricInfo(
        "Documents of the domain among selected documents",
        "in domain",
        "Share of the selected documents from the reference set's domain.",
        is_percent=True,
    ),
    Metric.DOMAIN_AUC: MetricInfo(
        "Domain AUC",
        "domain AUC",
        "Probability that a document of the reference set's domain ranks above one of another "
        "domain.",
        chance=0.5,
    ),
    Metric.MEMBERSHIP_AUC: MetricInfo(
        "Membership AUC",
        "membership AUC",
        "Probability that a training document ranks above a held-out one of the same domain.",
        chance=0.5,
    ),
    Metric.MEMBERSHIP_TPR: MetricInfo(
        "True positive rate at a false positive rate of 1%",
        "TPR at 1% FPR",
        "Share of training documents that rank above all but 1% of the held-out ones.",
        is_percent=True,
        chance=0.01,
    ),
    Metric.MEMBERSHIP_TPR_STRICT: MetricInfo(
        "True positive rate at a false positive rate of 0.1%",
        "TPR at 0.1% FPR",
        "Share of training documents that rank above all but 0.1% of the held-out ones.",
        is_percent=True,
        chance=0.001,
    ),
    Metric.MEMBERSHIP_LEAD: MetricInfo(
        "Lead in membership AUC over the main strategy",
        "AUC above the main strategy",
        "Membership AUC minus that of the audit's main strategy.",
        bounds=_SIGNED,
        chance=0.0,
    ),
    Metric.PREVALENCE: MetricInfo(
        "Estimated share trained",
        "estimated share trained",
        "Estimated share of training documents among those of the domain.",
        is_percent=True,
    ),
    Metric.DETECTION_LIMIT: MetricInfo(
        "Detection limit",
        "found in the pool",
        "Smallest leaked share of the reference set that would still be found in the pool.",
        is_percent=True,
        is_lower_better=True,
        bounds=_UNBOUNDED,
    ),
    Metric.MEMBERSHIP_DETECTION_LIMIT: MetricInfo(
        "Detection limit within the domain",
        "distinguished from held-out",
        "Smallest leaked share of the reference set that would still be found among documents of "
        "its domain.",
        is_percent=True,
        is_lower_better=True,
    ),
    Metric.EQUAL_SCORES: MetricInfo(
        "Documents with equal scores",
        "equal scores",
        "Share of documents with the same score. Stored only if it is all of them: then the "
        "ranking has nothing to rank by, and its selection is a random draw.",
        is_percent=True,
        is_lower_better=True,
    ),
}


# Measures of a student's quality, the strongest evidence first.
STUDENT_METRICS = (Metric.ACCURACY, Metric.PERPLEXITY, Metric.AGREEMENT)
