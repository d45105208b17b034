"""How many documents the selections of two audits share, beside chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from assay.core.comparison.judged import common_strategies
from assay.core.comparison.shared import Shared
from assay.core.specs.strategies import Strategy
from assay.core.stats.intervals import CHANCE_OUTSIDE, Interval, holm
from assay.core.stats.selection_overlap import overlap


@dataclass(frozen=True)
class SelectionOverlap:
    """The first ``n_selected`` documents of one strategy in two audits, among ``n_pool`` documents
    that both hold; ``by_chance``: the mean and 95% range of random selections; ``corrected``: p for
    all overlaps of the comparison (Holm)."""

    pair: tuple[int, int]
    strategy: Strategy
    n_pool: int
    n_selected: int
    n_both: int
    by_chance: Interval
    p_value: float
    corrected: float = 1.0

    @property
    def is_more_than_chance(self) -> bool:
        return self.corrected <= CHANCE_OUTSIDE and self.n_both > self.by_chance.value

    @property
    def is_less_than_chance(self) -> bool:
        return self.corrected <= CHANCE_OUTSIDE and self.n_both < self.by_chance.value


def overlaps(pair: tuple[int, int], shared: Shared) -> Iterator[SelectionOverlap]:
    """Of every strategy that selected shared documents in both, not corrected yet."""
    for strategy in common_strategies(*shared.sides):
        first, second = shared.selected(strategy)
        n = int(first.sum())
        if n:
            found = overlap(shared.n, n, n, int((first & second).sum()))
            yield SelectionOverlap(
                pair, strategy, shared.n, n, found.n_both, found.by_chance, found.p_value
            )


def corrected(found: list[SelectionOverlap]) -> list[SelectionOverlap]:
    """The same with p-values corrected for each other (Holm)."""
    steps = holm([one.p_value for one in found])
    return [replace(one, corrected=p) for one, p in zip(found, steps, strict=True)]
