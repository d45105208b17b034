"""The documents that two audits both hold, found by the digests of their texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.side_by_side import Side
from assay.core.specs.strategies import Strategy

_Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Shared:
    """``at``: positions of the s shared documents in both audits, (s) each in the same order."""

    sides: tuple[Side, Side]
    at: tuple[_Positions, _Positions]

    @classmethod
    def of(cls, first: Side, second: Side) -> Shared:
        _, at_first, at_second = np.intersect1d(first.hashes, second.hashes, return_indices=True)
        return cls((first, second), (at_first, at_second))

    @property
    def n(self) -> int:
        return len(self.at[0])

    @property
    def is_whole(self) -> bool:
        """Whether both seed corpora are the same documents."""
        return 0 < self.n == self.sides[0].n_documents == self.sides[1].n_documents

    @cached_property
    def is_trained(self) -> NDArray[np.bool_]:
        """Which are training documents in both audits, (s)."""
        first, second = (side.is_trained[at] for side, at in zip(self.sides, self.at, strict=True))
        return first & second

    @cached_property
    def is_held_out(self) -> NDArray[np.bool_]:
        """Which are held-out documents in both audits, (s)."""
        first, second = (side.is_held_out[at] for side, at in zip(self.sides, self.at, strict=True))
        return first & second

    @cached_property
    def has_one_truth(self) -> bool:
        """Whether both audits know the same training documents among the shared ones."""
        first, second = (side.is_trained[at] for side, at in zip(self.sides, self.at, strict=True))
        return bool(np.array_equal(first, second))

    def scores(self, ranking: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a ranking of both audits gives the shared documents, (s) each."""
        first, second = self.sides
        return first.scores[ranking][self.at[0]], second.scores[ranking][self.at[1]]

    def selected(self, strategy: Strategy) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which of the shared documents each audit selected, (s) each, equally many.

        Documents that only one seed corpus holds are left out, and the longer list is cut.
        """
        lists = []
        for side, at in zip(self.sides, self.at, strict=True):
            place = np.full(side.n_documents, -1)
            place[at] = np.arange(self.n)
            own = place[side.selections[strategy]]
            lists.append(own[own >= 0])
        n = min(map(len, lists))
        chosen = np.zeros((2, self.n), bool)
        for row, own in zip(chosen, lists, strict=True):
            row[own[:n]] = True
        return chosen[0], chosen[1]
