"""A quantity measured of every selection, each beside the band that random selections make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.metrics.rows import MetricRow
from assay.core.runtime.parallel import in_threads
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import CONFIDENCE, Interval, p_among_draws, random_band


class SelectionMetric:
    """Measures one quantity; ``ceiling`` is the best to be hoped for."""

    metric: Metric
    ceiling: float | None = None

    def measure(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """The value of a strategy's selection, and how it was computed."""
        raise NotImplementedError

    def of_draws(self, draws: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """The values of random selections, (n)."""
        raise NotImplementedError

    def interval(self, documents: Sequence[int]) -> Interval | None:
        """The value's interval, where it is the share of a sample."""
        return None


class SetMetric(SelectionMetric):
    """One that asks only which documents were selected. ``n_at_once``: sets that memory allows."""

    n_at_once = 64

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        """The value of any documents, and how it was computed."""
        raise NotImplementedError

    def measure(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        return self.value(documents)

    def of_draws(self, draws: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        found = in_threads(self.value, draws, self.n_at_once)
        return np.array([value for value, _ in found])


class MixtureMetric(SetMetric):
    """One that can measure true documents and others together."""

    n_reference: int

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        """The value of true documents, by position in the reference set, and others together."""
        raise NotImplementedError

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        return self.mixed([], documents)


def judged(
    judge: SelectionMetric,
    selections: Mapping[Strategy, Sequence[int]],
    draws: Sequence[Sequence[int]],
) -> Iterator[MetricRow]:
    """A row a strategy, each beside the band of the random ``draws``, and how many lie as far out
    as a two-sided p-value, of one strategy alone."""
    by_chance = judge.of_draws(draws)
    band = random_band(by_chance)
    for strategy, documents in selections.items():
        value, method = judge.measure(strategy, documents)
        interval = judge.interval(documents)
        yield MetricRow(
            strategy,
            judge.metric,
            value=value,
            method=method,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            confidence=CONFIDENCE if interval else None,
            n=len(documents),
            ceiling=judge.ceiling,
            null_value=band.value,
            null_low=band.low,
            null_high=band.high,
            null_kind=f"{len(by_chance)} random selections",
            p_value=p_among_draws(value, by_chance),
        )
