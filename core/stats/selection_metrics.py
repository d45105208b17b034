"""The metrics of one selection from a pool with known roles; domain and membership separated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.transport import transport_distance
from assay.core.similarity.vectors import Vectors
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


@dataclass(frozen=True, kw_only=True)
class Banded(Measurement):
    """With the interval of its null: the central 95% of what chance gives."""

    null_low: float | None = None
    null_high: float | None = None


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

    def __init__(self, reference: Vectors) -> None:
        order = np.random.default_rng(0).permutation(len(reference))
        self._target = reference.take(order[:MAX_TRANSPORT_REFERENCE].tolist())
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
) -> dict[Metric, Measurement]:
    """All metrics that the pool's known roles allow; undefined ones are missing.

    is_trained, is_held_out: (n) over the pool.
    """
    chosen = selected.documents
    found: dict[Metric, Measurement] = {**located_figures(chosen, is_trained, is_held_out)}
    if is_held_out.any() and len(chosen):
        found |= _ranking(selected, is_trained, is_held_out)
    if selected.is_drawn:
        found[Metric.EQUAL_SCORES] = Measurement(value=1.0, n=len(is_trained))
    return found


def located_figures(
    chosen: NDArray[np.int64], is_trained: NDArray[np.bool_], is_held_out: NDArray[np.bool_]
) -> dict[Metric, Banded]:
    """How many training documents a selection holds; undefined metrics are missing.

    chosen: (k) rows of the pool; is_trained, is_held_out: (n) over the pool. Finding the domain is
    not evidence of membership, so the two stand apart: membership is counted within the domain.
    """
    n, n_selected, is_inside = len(is_trained), len(chosen), is_trained | is_held_out
    if not n_selected:
        return {}
    found: dict[Metric, Banded] = {}
    n_leaked, n_inside = int(is_trained.sum()), int(is_inside.sum())
    n_located, n_domain = int(is_trained[chosen].sum()), int(is_inside[chosen].sum())
    if n_leaked:
        counts = located(n, n_leaked, n_selected, n_located)
        share, best = n_leaked / n, min(1.0, n_leaked / n_selected)
        lift = Interval(1.0, counts.null_precision.low / share, counts.null_precision.high / share)
        found[Metric.RECALL] = _banded(
            counts.recall, n_leaked, counts.recall_ceiling, counts.null_recall, counts.p_value
        )
        found[Metric.PRECISION] = _precision(counts, n_selected, best)
        found[Metric.LIFT] = _banded(counts.lift, n_selected, best / share, lift, counts.p_value)
    if is_held_out.any() and n_inside < n:
        counts = located(n, n_inside, n_selected, n_domain)
        best = min(1.0, n_inside / n_selected)
        found[Metric.DOMAIN_PRECISION] = _precision(counts, n_selected, best)
    if is_held_out.any() and n_leaked and n_domain:
        counts = located(n_inside, n_leaked, n_domain, n_located)
        best = min(1.0, n_leaked / n_domain)
        found[Metric.MEMBERSHIP_PRECISION] = _precision(counts, n_domain, best)
    return found


def _ranking(
    selected: Selected, is_trained: NDArray[np.bool_], is_held_out: NDArray[np.bool_]
) -> dict[Metric, Measurement]:
    """How well the scores tell the domain, and training from held-out documents within it."""
    found: dict[Metric, Measurement] = {}
    is_inside, scores = is_trained | is_held_out, selected.domain_scores
    if not is_inside.all():
        found[Metric.DOMAIN_AUC] = _auc(scores[is_inside], scores[~is_inside])
    if not is_trained.any():
        return found
    trained, held_out = (selected.member_scores[group] for group in (is_trained, is_held_out))
    found[Metric.MEMBERSHIP_AUC] = _auc(trained, held_out)
    for metric, mistaken in MISTAKEN_SHARES.items():
        if len(held_out) * mistaken >= 1:
            share = found_share(trained, held_out, mistaken)
            found[metric] = Measurement(
                **_interval(share), n=len(trained), ceiling=1.0, null_value=mistaken
            )
    return found


def _precision(counts: Located, n: int, best: float) -> Banded:
    return _banded(counts.precision, n, best, counts.null_precision, counts.p_value)


def _banded(found: Interval, n: int, best: float, null: Interval, p_value: float) -> Banded:
    return Banded(
        **_interval(found),
        n=n,
        ceiling=best,
        null_value=null.value,
        null_low=null.low,
        null_high=null.high,
        p_value=p_value,
    )


def _auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> Measurement:
    found = auc_with_interval(positive, negative)
    n = found.n_positive + found.n_negative
    return Measurement(**_interval(found.auc), n=n, ceiling=1.0, null_value=0.5)


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
