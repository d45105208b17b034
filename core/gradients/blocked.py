"""Gradients whose rows stay on disk: what selection reads of them is read window by window.

In memory are a few numbers a document. Products are those of the same rows in memory to the last
bit (``windows``), so every strategy selects the same documents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from assay.core.gradients.features import (
    FactoredGradients,
    ProjectedGradients,
    Scratch,
)
from assay.core.gradients.windows import products_by_window, windows


class RowsOnDisk(Protocol):
    """n rows of one width, float32 once they are read."""

    def __len__(self) -> int: ...

    @property
    def width(self) -> int: ...

    def window(self, part: slice) -> NDArray[np.float32]:
        """Consecutive rows."""
        ...

    def take(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """Some rows, in the given order."""
        ...


# One matrix per checkpoint.
Rows = Sequence[RowsOnDisk]


@dataclass(frozen=True)
class _Blocked(ABC):
    """``open_scratch``: room on disk for rows of so many values."""

    open_scratch: Callable[[int], Scratch]

    @property
    @abstractmethod
    def n_documents(self) -> int: ...

    @abstractmethod
    def window(self, part: slice) -> FactoredGradients | ProjectedGradients:
        """Of consecutive documents, in memory."""

    @abstractmethod
    def subset(self, documents: Sequence[int]) -> FactoredGradients | ProjectedGradients:
        """Of some documents, in the given order, in memory."""

    def inner_products_with(self, documents: Sequence[int]) -> NDArray[np.float32]:
        """One pass over the file; see ``GradientFeatures``."""
        found: NDArray[np.float32] = products_by_window(self, documents)
        return found

    def weighted_sums(self, weights: NDArray) -> NDArray:
        """One pass; may differ in rounding from the sums of gradients in memory."""
        return sum(
            self.window(part).weighted_sums(weights[:, part]) for part in windows(self.n_documents)
        )

    def scratch(self, n_rows: int, n_values: int) -> Scratch:
        """See ``GradientFeatures``."""
        return self.open_scratch(n_values)


@dataclass(frozen=True)
class BlockedFactors(_Blocked):
    """``FactoredGradients`` on disk; target (J × C × d)."""

    errors: Rows
    hidden: Rows
    target: NDArray[np.float32]
    n_together: ClassVar[int] = FactoredGradients.n_together

    @property
    def n_documents(self) -> int:
        return len(self.errors[0])

    @property
    def alignment(self) -> NDArray[np.float32]:
        return self._own[0]

    @property
    def squared_norms(self) -> NDArray[np.float32]:
        return self._own[1]

    @cached_property
    def target_norms(self) -> NDArray[np.float32]:
        return FactoredGradients(self.target, self.target, self.target).target_norms

    @cached_property
    def _own(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """alignment and squared_norms, in one pass."""
        own = map(self.window, windows(self.n_documents))
        alignment, squared_norms = zip(
            *((one.alignment, one.squared_norms) for one in own), strict=True
        )
        return np.concatenate(alignment, axis=1), np.concatenate(squared_norms, axis=1)

    def window(self, part: slice) -> FactoredGradients:
        return FactoredGradients(
            np.stack([own.window(part) for own in self.errors]),
            np.stack([own.window(part) for own in self.hidden]),
            self.target,
        )

    def subset(self, documents: Sequence[int]) -> FactoredGradients:
        return FactoredGradients(
            np.stack([own.take(documents) for own in self.errors]),
            np.stack([own.take(documents) for own in self.hidden]),
            self.target,
        )


@dataclass(frozen=True)
class BlockedProjections(_Blocked):
    """``ProjectedGradients`` on disk; the other fields are as there."""

    projected: Rows
    alignment: NDArray
    squared_norms: NDArray
    target_norms: NDArray
    n_together: ClassVar[int] = ProjectedGradients.n_together

    @property
    def n_documents(self) -> int:
        return int(self.alignment.shape[1])

    @property
    def dimension(self) -> int:
        """k."""
        return self.projected[0].width

    def window(self, part: slice) -> ProjectedGradients:
        return self._of(
            np.stack([own.window(part) for own in self.projected]),
            self.alignment[:, part],
            self.squared_norms[:, part],
        )

    def subset(self, documents: Sequence[int]) -> ProjectedGradients:
        at = np.asarray(documents, np.int64)
        return self._of(
            np.stack([own.take(documents) for own in self.projected]),
            self.alignment[:, at],
            self.squared_norms[:, at],
        )

    def _of(
        self, projected: NDArray[np.float32], alignment: NDArray, squared_norms: NDArray
    ) -> ProjectedGradients:
        return ProjectedGradients(projected, alignment, squared_norms, self.target_norms)
