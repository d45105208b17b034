"""A quantity of a list of documents, measured of every selection and of random ones alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.audit.measures.draws import RANDOM_SELECTIONS
from core.audit.metric_rows import MetricRow
from core.maths.located import random_band
from core.specs import Metric, Strategy


class Judge:
    """Measures one quantity of a list of documents; ``ceiling`` is the best to be hoped for."""

    metric: Metric
    ceiling: float | None = None

    def measure(self, documents: Sequence[int]) -> tuple[float, str]:
        """The value and how it was computed."""
        raise NotImplementedError

    def measure_selection(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """As ``measure``, where a strategy knows more of its selection than which documents."""
        return self.measure(documents)


def judged(
    judge: Judge, selections: dict[Strategy, list[int]], draws: Sequence[Sequence[int]]
) -> Iterator[MetricRow]:
    """A row a strategy, each beside the band of the random ``draws``."""
    band = random_band(np.array([judge.measure(draw)[0] for draw in draws]))
    for strategy, documents in selections.items():
        value, method = judge.measure_selection(strategy, documents)
        yield MetricRow(
            strategy,
            judge.metric,
            value,
            method,
            n=len(documents),
            ceiling=judge.ceiling,
            null_value=band.value,
            null_low=band.low,
            null_high=band.high,
            null_kind=RANDOM_SELECTIONS,
        )
