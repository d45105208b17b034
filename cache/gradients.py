"""Per-example gradients kept between audits: one file a (base, final, task) key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from cache.home import Store
from cache.rows import RowStore, open_rows

SCORES = {
    "pseudolabel": "SMALLINT",
    "final_probability": "REAL",
    "base_loss": "REAL NOT NULL",
    "alignment": "DOUBLE[] NOT NULL",
    "squared_norms": "DOUBLE[] NOT NULL",
}


def open_gradients(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """The gradients of one key, a block of rows an array; see ``open_rows``."""
    path = store.gradients / f"{key}.duckdb"
    return open_rows(store, path, SCORES, while_waiting, on_damage)
