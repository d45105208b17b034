"""Sentence embeddings kept between audits: one file an embedding model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from cache.home import Store
from cache.rows import RowStore, open_rows


def open_embeddings(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """The embeddings by one model, the array ``vector``; see ``open_rows``."""
    path = store.embeddings / f"{key}.duckdb"
    return open_rows(store, path, {}, while_waiting, on_damage)
