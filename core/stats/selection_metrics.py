"""The metrics of one selection from a pool with known roles; domain and membership separated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.transport import transport_distance
from assay.core.specs.metrics import Metric
from assay.core.stats.auc import auc_with_interval, found_share
from assay.core.stats.intervals import Interval
from assay.core.stats.recall import Located, located

# Transport uses at most this many reference documents: exact, and fast enough for a live page.
MAX_TRANSPORT_REFERENCE = 1_000
# The false positive rates of the true positive rates; at least 1/n, with n held-out documents.
MISTAKEN_SHARES = {
    metric: float(metric.info.chance or 0)
    for metric in (Metric.MEMBERSHIP_TPR, Metric.MEMBERSHIP_TPR_STRICT)
}


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A value with what is known of interval, best, null and p-value; ``n``: its documents."""

    value: float
    n: int | None = None
    low: float | None = None
    high: float | None = None
    ceiling: float | None = None
    null_value: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Selected:
    """A selection as positions in the pool, in order, each with its weight; and the scores of every
    document of the pool, (n).

    One score ranks by domain, the other by membership within it. ``is_drawn``: all scores were
    equal, so the selection is a random draw.
    """

    documents: NDArray[np.int64]
    weights: NDArray[np.float64]
    domain_scores: NDArray[np.float64]
    member_scores: NDArray[np.float64]
    is_drawn: bool = False


class TransportToReference:
    """Transport to a sample of the reference set, and that of as many reference documents."""

    def __init__(self, reference: NDArray[np.float32]) -> None:
        order = np.random.default_rng(0).permutation(len(reference))
        self._target = reference[order[:MAX_TRANSPORT_REFERENCE]]
        self._ceilings: dict[int, float] = {}  # the same for every selection of one size

    def measure(self, embeddings: NDArray[np.float32]) -> Measurement:
        n = len(embeddings)
        if n not in self._ceilings:
            self._ceilings[n] = transport_distance(self._target[:n], self._target).distance
        distance = transport_distance(embeddings, self._target).distance
        return Measurement(value=distance, n=n, ceiling=self._ceilings[n])


def figures(
    selected: Selected,
    is_trained: NDArray[np.bool_],
    is_held_out: NDArray[np.bool_],
    embeddings: NDArray[np.float32] | None,
    yardstick: TransportToReference | None,
) -> dict[Metric, Measurement]:
    """All metrics that the pool's known roles allow; undefined ones are missing.

    is_trained, is_held_out: (n) over the pool. ``embeddings`` are the selected documents'.
    """
    found: dict[Metric, Measurement] = {}
    n, n_leaked, n_held_out = len(is_trained), int(is_trained.sum()), int(is_held_out.sum())
    chosen = selected.documents
    n_located = int(is_trained[chosen].sum())
    if n_leaked and len(chosen):
        found |= _recall_and_precision(n, n_leaked, len(chosen), n_located)
    if n_held_out and len(chosen):
        found |= _domain(selected, is_trained | is_held_out)
        found |= _membership(selected, is_trained, is_held_out)
    if embeddings is not None and yardstick is not None and len(embeddings):
        found[Metric.TRANSPORT] = yardstick.measure(embeddings)
    if selected.is_drawn:
        found[Metric.EQUAL_SCORES] = Measurement(value=1.0, n=n)
    return found


def _recall_and_precision(
    n: int, n_leaked: int, n_selected: int, n_located: int
) -> dict[Metric, Measurement]:
    counts = located(n, n_leaked, n_selected, n_located)
    best = min(1.0, n_leaked / n_selected)
    return {
        Metric.RECALL: Measurement(
            **_interval(counts.recall),
            n=n_leaked,
            ceiling=counts.recall_ceiling,
            null_value=counts.null_recall.value,
            p_value=counts.p_value,
        ),
        Metric.PRECISION: _precision(counts, n_selected, best),
        Metric.LIFT: Measurement(
            **_interval(counts.lift),
            n=n_selected,
            ceiling=best * n / n_leaked,
            null_value=1.0,
            p_value=counts.p_value,
        ),
    }


def _domain(selected: Selected, is_inside: NDArray[np.bool_]) -> dict[Metric, Measurement]:
    """Finding the reference set's domain, which is not evidence of membership."""
    n, n_inside, n_selected = len(is_inside), int(is_inside.sum()), len(selected.documents)
    if n_inside == n:
        return {}
    counts = located(n, n_inside, n_selected, int(is_inside[selected.documents].sum()))
    scores = selected.domain_scores
    return {
        Metric.DOMAIN_PRECISION: _precision(counts, n_selected, min(1.0, n_inside / n_selected)),
        Metric.DOMAIN_AUC: _auc(scores[is_inside], scores[~is_inside]),
    }


def _membership(
    selected: Selected, is_trained: NDArray[np.bool_], is_held_out: NDArray[np.bool_]
) -> dict[Metric, Measurement]:
    """Distinguishing training from held-out documents of one distribution."""
    n_leaked, n_held_out = int(is_trained.sum()), int(is_held_out.sum())
    if not n_leaked:
        return {}
    trained, held_out = (selected.member_scores[group] for group in (is_trained, is_held_out))
    found = {Metric.MEMBERSHIP_AUC: _auc(trained, held_out)}
    for metric, mistaken in MISTAKEN_SHARES.items():
        if n_held_out * mistaken >= 1:
            share = found_share(trained, held_out, mistaken)
            found[metric] = Measurement(
                **_interval(share), n=n_leaked, ceiling=1.0, null_value=mistaken
            )
    n_inside = int((is_trained | is_held_out)[selected.documents].sum())
    if n_inside:
        n_located = int(is_trained[selected.documents].sum())
        counts = located(n_leaked + n_held_out, n_leaked, n_inside, n_located)
        best = min(1.0, n_leaked / n_inside)
        found[Metric.MEMBERSHIP_PRECISION] = _precision(counts, n_inside, best)
    return found


def _precision(counts: Located, n: int, best: float) -> Measurement:
    return Measurement(
        **_interval(counts.precision),
        n=n,
        ceiling=best,
        null_value=counts.null_precision.value,
        p_value=counts.p_value,
    )


def _auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> Measurement:
    found = auc_with_interval(positive, negative)
    n = found.n_positive + found.n_negative
    return Measurement(**_interval(found.auc), n=n, ceiling=1.0, null_value=0.5)


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
