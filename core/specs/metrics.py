"""Every measured quantity: one word each, its bounds and which way is better."""

from __future__ import annotations

from enum import StrEnum


class Metric(StrEnum):
    """One word per measured quantity; the unit follows in the comment."""

    ACCURACY = "accuracy"  # share of test documents
    LOSS = "loss"  # nats per test document
    PERPLEXITY = "perplexity"  # exp of the mean loss a target token of the test documents
    AGREEMENT = "agreement"  # share of targets answered as the final model answers them
    WEIGHT_COSINE = "weight-cosine"  # of the student's weight difference with the final model's
    TRANSPORT = "transport"  # squared Euclidean cost between unit embeddings
    EMBEDDING_RECALL = "embedding-recall"  # share of reference documents with a selected one near
    CONTAINMENT = "containment"  # share of the smaller token set
    IMBALANCE = "imbalance"  # total variation distance from the reference's class shares
    COSINE = "cosine"  # of the selection's summed gradient with the target
    RECALL = "recall"  # located documents / leaked documents
    PRECISION = "precision"  # located documents / selected documents
    OVERLAP = "overlap"  # exact or near duplicates of reference documents / selected documents
    LIFT = "lift"  # precision / leaked share of the seed corpus
    MEMBERSHIP_PRECISION = "membership-precision"  # located / selected of the reference's domain
    DOMAIN_PRECISION = "domain-precision"  # selected of the reference's domain / selected
    DOMAIN_AUC = "domain-auc"  # reference's domain above other documents, by the strategy's score
    MEMBERSHIP_AUC = "membership-auc"  # trained above held-out documents, by the strategy's score
    MEMBERSHIP_TPR = "membership-tpr"  # share of trained found at 1% of held-out mistaken
    MEMBERSHIP_TPR_STRICT = "membership-tpr-strict"  # the same at 0.1%
    MEMBERSHIP_LEAD = "membership-lead"  # membership AUC less that of the audit's main strategy
    PREVALENCE = "prevalence"  # estimated share of trained among documents of the domain
    DETECTION_LIMIT = "detection-limit"  # least share of the reference set in the pool to be found
    # the same, of the reference set among documents of its own domain
    MEMBERSHIP_DETECTION_LIMIT = "membership-detection-limit"


LOWER_IS_BETTER = frozenset({Metric.LOSS, Metric.PERPLEXITY, Metric.TRANSPORT, Metric.IMBALANCE})


# What can be negative, or above 1; every other metric is a share, or the area under a curve.
_UNBOUNDED = frozenset(
    {Metric.LOSS, Metric.PERPLEXITY, Metric.TRANSPORT, Metric.LIFT, Metric.DETECTION_LIMIT}
)


_SIGNED = frozenset({Metric.COSINE, Metric.WEIGHT_COSINE, Metric.MEMBERSHIP_LEAD})


def possible(metric: Metric) -> tuple[float, float]:
    """The lowest and highest value a metric can have."""
    return -1.0 if metric in _SIGNED else 0.0, float("inf") if metric in _UNBOUNDED else 1.0


# What tells how good a student is, the better evidence first.
STUDENT_METRICS = (Metric.ACCURACY, Metric.PERPLEXITY, Metric.AGREEMENT)
