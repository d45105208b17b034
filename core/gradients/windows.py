"""Gradients window by window: the same arithmetic whether they are in memory or on disk.

The last bits of a product depend on the rows that are multiplied together, and a bit may decide
between two documents. So these are always the same documents, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self

from array_api_compat import array_namespace, device

ROWS_TOGETHER = 2048


class Window(Protocol):
    """Gradients of some documents, in memory."""

    def products_with(self, others: Self) -> Any:
        """⟨g_i, g_j⟩ of every document with each of m others, (J × n × m)."""
        ...


class Windowed(Protocol):
    """Gradients of n documents, wherever they are."""

    @property
    def n_documents(self) -> int: ...

    def window(self, part: slice) -> Any:
        """Those of consecutive documents, as a ``Window``."""
        ...

    def subset(self, documents: Sequence[int]) -> Any:
        """Those of some documents, as a ``Window``."""
        ...


def windows(n_documents: int) -> Iterator[slice]:
    """All documents, in order."""
    for first in range(0, max(n_documents, 1), ROWS_TOGETHER):
        yield slice(first, min(first + ROWS_TOGETHER, n_documents))


def products_by_window(features: Windowed, documents: Sequence[int]) -> Any:
    """⟨g_i, g_j⟩ for every i and each j of m ``documents``, (J × n × m)."""
    chosen: Window = features.subset(documents)
    found: Any = None
    for part in windows(features.n_documents):
        products = features.window(part).products_with(chosen)
        if found is None:
            xp, (n_checkpoints, _, n_chosen) = array_namespace(products), products.shape
            shape = (n_checkpoints, features.n_documents, n_chosen)
            found = xp.empty(shape, dtype=products.dtype, device=device(products))
        found[:, part] = products
    return found
