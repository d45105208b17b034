"""Two or more audits side by side: what they share, how they differ, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from assay.cache.audits.side_by_side import Side, read_side
from assay.core.comparison import differences as found_differences
from assay.core.comparison import overlaps as found_overlaps
from assay.core.comparison.differences import Difference
from assay.core.comparison.overlaps import SelectionOverlap
from assay.core.comparison.settings import Setting, settings
from assay.core.comparison.shared import Shared
from assay.core.errors import InputError
from assay.core.specs.strategies import Strategy, leading_strategy

MIN_AUDITS, MAX_AUDITS = 2, 8


@dataclass(frozen=True)
class Comparison:
    """``differences``: of every other audit from the first; ``overlaps``: of all pairs;
    ``shared``: documents of each pair."""

    sides: tuple[Side, ...]
    settings: tuple[Setting, ...]
    shared: dict[tuple[int, int], Shared]
    differences: tuple[Difference, ...]
    overlaps: tuple[SelectionOverlap, ...]

    @property
    def n_tests(self) -> int:
        """For how many tests the p-values of differences are corrected."""
        return found_differences.n_tests(list(self.differences))

    @property
    def differing(self) -> list[Setting]:
        return [one for one in self.settings if one.differs]

    @property
    def strategies(self) -> list[Strategy]:
        """Strategies that selected documents in any audit, in their usual order."""
        return [one for one in Strategy if any(one in side.selections for side in self.sides)]

    @property
    def leading(self) -> Strategy | None:
        """The strategy to look at first: of those that most audits have, the one with which the
        pages of a single audit open."""
        if not self.strategies:
            return None
        n = {one: sum(one in side.selections for side in self.sides) for one in self.strategies}
        shared = (one for one in self.strategies if n[one] == max(n.values()))
        return Strategy(leading_strategy(shared))


def check_number(n: int) -> None:
    """InputError unless as many audits can be compared."""
    if not MIN_AUDITS <= n <= MAX_AUDITS:
        raise InputError(
            f"{MIN_AUDITS} to {MAX_AUDITS} different audits to compare",
            str(n),
            "name each once; `assay list` shows them",
        )


def compare(paths: Sequence[Path]) -> Comparison:
    """Everything that can be said of several audits; InputError for too few or too many.

    UnreadableFile or OSError if one cannot be read.
    """
    check_number(len(set(paths)))
    sides = tuple(read_side(path) for path in paths)
    pairs = {(i, j): Shared.of(sides[i], sides[j]) for i, j in combinations(range(len(sides)), 2)}
    differences = [
        one
        for pair, shared in pairs.items()
        if pair[0] == 0
        for one in found_differences.differences(pair, shared)
    ]
    overlaps = [one for p, shared in pairs.items() for one in found_overlaps.overlaps(p, shared)]
    return Comparison(
        sides,
        tuple(settings([side.facts for side in sides])),
        pairs,
        tuple(found_differences.corrected(differences)),
        tuple(found_overlaps.corrected(overlaps)),
    )
