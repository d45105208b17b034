"""Per-example gradients and other values shared between audits: one file per key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from assay.cache.files.row_cache import RowStore, open_rows
from assay.cache.store import Store

SCORES = {
    "pseudolabel": "SMALLINT",
    "final_probability": "REAL",
    "base_loss": "REAL NOT NULL",
    "alignment": "DOUBLE[] NOT NULL",
    "squared_norms": "DOUBLE[] NOT NULL",
}

# For a document's different tokens, and for each label considered (token by token): how far the
# token's row moved along the document's gradient.
AGREEMENTS = {"tokens": "INTEGER[] NOT NULL", "agreements": "REAL[] NOT NULL"}

# For a sum of gradients, found by what is summed: its squared length at each checkpoint and size.
SUMS = {"squared_norms": "DOUBLE[] NOT NULL"}


def open_gradients(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """The gradients of one key; each array is one block of rows. See ``open_rows``."""
    path = store.gradients / f"{key}.duckdb"
    return open_rows(store, path, SCORES, while_waiting, on_damage)


def open_embeddings(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """The embeddings from one model, as the array ``vector``; see ``open_rows``."""
    path = store.embeddings / f"{key}.duckdb"
    return open_rows(store, path, {}, while_waiting, on_damage)


def open_agreements(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """How rows of input embeddings moved along documents' gradients; see ``open_rows``."""
    path = store.gradients / f"embeddings-{key}.duckdb"
    return open_rows(store, path, AGREEMENTS, while_waiting, on_damage)


def open_sums(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """The exact lengths of sums of gradients; see ``open_rows``."""
    path = store.gradients / f"sums-{key}.duckdb"
    return open_rows(store, path, SUMS, while_waiting, on_damage)
