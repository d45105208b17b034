"""A metric of every selection, compared with the band of random selections."""

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
    """Measures one metric; ``ceiling`` is the best possible value."""

    metric: Metric
    ceiling: float | None = None

    def measure(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        """The value of a strategy's selection, and how it was computed."""
        raise NotImplementedError

    def of_draws(self, draws: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """The values of (n) random selections."""
        raise NotImplementedError

    def interval(self, documents: Sequence[int]) -> Interval | None:
        """The value's interval, if it is a share of a sample."""
        return None


class SetMetric(SelectionMetric):
    """Depends only on which documents were selected. ``n_at_once``: sets that fit in memory."""

    n_at_once = 64

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        """The value for any set of documents, and how it was computed."""
        raise NotImplementedError

    def measure(self, strategy: Strategy, documents: Sequence[int]) -> tuple[float, str]:
        return self.value(documents)

    def of_draws(self, draws: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        found = in_threads(self.value, draws, self.n_at_once)
        return np.array([value for value, _ in found])


class MixtureMetric(SetMetric):
    """Can be measured on reference documents mixed with others."""

    n_reference: int

    def mixed(self, true: Sequence[int], documents: Sequence[int]) -> tuple[float, str]:
        """The value of reference documents (by their positions) mixed with others."""
        raise NotImplementedError

    def value(self, documents: Sequence[int]) -> tuple[float, str]:
        return self.mixed([], documents)


def judged(
    judge: SelectionMetric,
    selections: Mapping[Strategy, Sequence[int]],
    draws: Sequence[Sequence[int]],
) -> Iterator[MetricRow]:
    """One row per strategy, compared with the band of the random ``draws``.

    The p-value is two-sided, for a single strategy: how many draws lie as far out.
    """
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
