"""Opening caches: tells the user while it waits, and recomputes what is damaged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from assay.cache.files.blocks import DamagedBlock
from assay.cache.files.row_cache import RowStore
from assay.cache.store import Store
from assay.core.runtime.progress import Progress

_Made = TypeVar("_Made")


class OpenRows(Protocol):
    def __call__(
        self,
        store: Store,
        key: str,
        while_waiting: Callable[[], None],
        on_damage: Callable[[str], None],
    ) -> AbstractContextManager[RowStore]: ...


def with_cached_rows(
    open_kept: OpenRows,
    store: Store,
    key: str,
    what: str,
    progress: Progress,
    use: Callable[[RowStore], _Made],
) -> _Made:
    """What ``use`` returns for the rows cached under ``key``.

    Damaged rows are set aside, and ``use`` is called again with none. ``what`` names the rows for
    the user, in the singular.
    """

    def waiting() -> None:
        progress.note(f"waiting for another audit that uses the {what} cache")

    def damaged(path: str) -> None:
        progress.note(f"the {what} cache was damaged; it was moved to {path} and is computed again")

    def used() -> _Made:
        with open_kept(store, key, waiting, damaged) as rows:
            return use(rows)

    try:
        return used()
    except DamagedBlock:
        return used()
