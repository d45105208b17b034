"""Vectors that are read where they are needed, in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Vectors(Protocol):
    """n vectors of one width, float32 once they are read."""

    def __len__(self) -> int: ...

    def take(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Some of them, in the given order, (· × d)."""
        ...


@dataclass(frozen=True)
class VectorsInMemory:
    """The rows of a matrix."""

    rows: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, numbers: Sequence[int]) -> NDArray[np.float32]:
        """See ``Vectors``."""
        return self.rows[np.asarray(numbers, np.int64)]
