"""By how much two audits differ, paired over the documents that both of them judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy  # loads its parts when they are first used, see stats/intervals.py
from numpy.typing import NDArray

from assay.cache.audits.side_by_side import Side, TestedStudents
from assay.core.comparison.judged import common_rankings, common_strategies
from assay.core.comparison.shared import Shared
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.auc import auc_with_interval, difference
from assay.core.stats.intervals import CHANCE_OUTSIDE, Interval, holm
from assay.core.stats.paired_shares import paired_shares
from assay.core.stats.student_leads import MIN_RANDOM, StudentsOfRandom

# With few documents of a role, the exchange test sorts thousands of orders of all of them.
_FEW, _MOST_EXCHANGED = 20, 5_000


@dataclass(frozen=True)
class Difference:
    """One quantity in two audits.

    ``pair``: places of both audits in the comparison; ``subject``: a ranking or strategy;
    ``values``: of both, on the ``n`` documents they share; ``difference``: second − first;
    ``p_value``: two-sided; ``corrected``: for all differences of the comparison (Holm).
    ``is_identical``: both judge every document the same, so there is nothing to test.
    ``n_selected``, of recall and precision: how many documents each selected.
    """

    pair: tuple[int, int]
    metric: Metric
    subject: str
    values: tuple[float, float]
    difference: Interval
    p_value: float
    n: int
    is_identical: bool = False
    n_selected: int | None = None
    corrected: float = 1.0

    @property
    def is_larger_than_chance(self) -> bool:
        return not self.is_identical and self.corrected <= CHANCE_OUTSIDE

    @property
    def is_second_better(self) -> bool:
        return (self.difference.value > 0) is not self.metric.info.is_lower_better

    @property
    def surely(self) -> float:
        """By how much they differ at least, within the interval, whichever is better."""
        low, high = self.difference.low, self.difference.high
        return max(low, -high, 0.0)


def differences(pair: tuple[int, int], shared: Shared) -> list[Difference]:
    """Every difference that can be paired, not corrected yet."""
    return [*_rankings(pair, shared), *_located(pair, shared), *_students(pair, shared.sides)]


def corrected(found: list[Difference]) -> list[Difference]:
    """The same with p-values corrected for each other (Holm).

    Precision is recall times one number for both, so it is one test with it.
    """
    tested = [one for one in found if one.metric is not Metric.PRECISION and not one.is_identical]
    by_test = dict(zip(map(_test, tested), holm([one.p_value for one in tested]), strict=True))
    return [replace(one, corrected=by_test.get(_test(one), 1.0)) for one in found]


def n_tests(found: list[Difference]) -> int:
    """For how many tests the p-values are corrected."""
    return len({_test(one) for one in found if not one.is_identical})


def _test(one: Difference) -> tuple[tuple[int, int], Metric, str]:
    metric = Metric.RECALL if one.metric is Metric.PRECISION else one.metric
    return one.pair, metric, one.subject


def _rankings(pair: tuple[int, int], shared: Shared) -> Iterator[Difference]:
    """Membership AUC on documents that have the same role in both audits."""
    trained, held_out = shared.is_trained, shared.is_held_out
    n_trained, n_held_out = int(trained.sum()), int(held_out.sum())
    n = n_trained + n_held_out
    if not min(n_trained, n_held_out):
        return
    if min(n_trained, n_held_out) < _FEW and n > _MOST_EXCHANGED:
        return
    for name in common_rankings(*shared.sides):
        first, second = shared.scores(name)
        groups = [own[role] for own in (second, first) for role in (trained, held_out)]
        values = (_auc(*groups[2:]), _auc(*groups[:2]))
        # Scores that differ in their last digits rank the same.
        orders = [scipy.stats.rankdata(own[trained | held_out]) for own in (first, second)]
        if np.array_equal(*orders):
            yield _identical(pair, Metric.MEMBERSHIP_AUC, name, values, n)
            continue
        found = difference(*groups)
        yield Difference(pair, Metric.MEMBERSHIP_AUC, name, values, found.auc, found.p_value, n)


def _located(pair: tuple[int, int], shared: Shared) -> Iterator[Difference]:
    """Recall and precision of equally many selected documents."""
    trained = shared.is_trained
    n_trained = int(trained.sum())
    if not n_trained:
        return
    for strategy in common_strategies(*shared.sides):
        first, second = shared.selected(strategy)
        n_selected = int(first.sum())
        if not n_selected:
            continue
        values = (float(first[trained].mean()), float(second[trained].mean()))
        if np.array_equal(first, second):
            recall = _identical(pair, Metric.RECALL, strategy, values, n_trained)
        else:
            found = paired_shares(second[trained], first[trained])
            recall = Difference(
                pair,
                Metric.RECALL,
                strategy,
                values,
                found.difference,
                found.p_value,
                n_trained,
            )
        recall = replace(recall, n_selected=n_selected)
        yield recall
        if shared.has_one_truth:
            yield _as_precision(recall, n_trained / n_selected)


def _as_precision(recall: Difference, factor: float) -> Difference:
    first, second = recall.values
    own = recall.difference
    return replace(
        recall,
        metric=Metric.PRECISION,
        values=(factor * first, factor * second),
        difference=Interval(
            factor * own.value, max(-1.0, factor * own.low), min(1.0, factor * own.high)
        ),
    )


def _students(pair: tuple[int, int], sides: tuple[Side, Side]) -> Iterator[Difference]:
    """Students of both audits on the test documents that both have."""
    first, second = sides[0].students, sides[1].students
    tasks = {side.facts.spec.task for side in sides}
    if first is None or second is None or len(tasks) > 1:
        return
    (task,) = tasks
    at_first, at_second = _same_tests(first, second)
    counts = first.n_targets[at_first]
    if not np.array_equal(counts, second.n_targets[at_second]):
        return  # Two tokenizers: their losses are of different tokens.
    random = [_random_sums(*one) for one in ((first, at_first), (second, at_second))]
    if len(counts) < MIN_RANDOM or min(map(len, random)) < MIN_RANDOM:
        return
    ours, theirs = (StudentsOfRandom(sums, counts) for sums in random)
    metric = Metric.LOSS if task is Task.SFT else Metric.ACCURACY
    for strategy in Strategy:
        is_there = strategy in first.outcomes and strategy in second.outcomes
        if strategy is Strategy.RANDOM or not is_there:
            continue
        own, other = first.outcomes[strategy][at_first], second.outcomes[strategy][at_second]
        values = (float(own.sum() / counts.sum()), float(other.sum() / counts.sum()))
        if np.array_equal(own, other):
            yield _identical(pair, metric, strategy, values, len(counts))
            continue
        lead = theirs.lead_over_another_audits(other, own, ours)
        yield Difference(pair, metric, strategy, values, lead.difference, lead.p_value, len(counts))


def _identical(
    pair: tuple[int, int], metric: Metric, subject: str, values: tuple[float, float], n: int
) -> Difference:
    return Difference(pair, metric, subject, values, Interval(0.0, 0.0, 0.0), 1.0, n, True)


def _same_tests(
    first: TestedStudents, second: TestedStudents
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    _, at_first, at_second = np.intersect1d(first.documents, second.documents, return_indices=True)
    return at_first, at_second


def _random_sums(students: TestedStudents, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of students of random selections, (K × t)."""
    own = [
        outcomes[at]
        for name, outcomes in students.outcomes.items()
        if name.partition(" #")[0] == Strategy.RANDOM
    ]
    return np.stack(own) if own else np.zeros((0, len(at)))


def _auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    return auc_with_interval(positive, negative).auc.value
