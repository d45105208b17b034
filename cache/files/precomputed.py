"""What audits compute and share: one file per key of everything that determines it."""

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

# Of a document's different tokens, and at each label in question (token by token), how far the
# token's row moved along the document's gradient; of that gradient, what selection needs.
AGREEMENTS = {
    "tokens": "INTEGER[] NOT NULL",
    "agreements": "REAL[] NOT NULL",
    "squared_norms": "DOUBLE NOT NULL",
    "alignment": "DOUBLE NOT NULL",
}

# For a sum of gradients, found by what is summed: its squared length at each checkpoint and size.
SUMS = {"squared_norms": "DOUBLE[] NOT NULL"}

# Of a student, found by what it is trained on and how: what it predicts of the evaluation documents
# (losses and target counts a document, choices a target), its epochs, and how it moved.
STUDENTS = {
    "losses": "DOUBLE[] NOT NULL",
    "n_targets": "INTEGER[] NOT NULL",
    "choices": "INTEGER[] NOT NULL",
    "label_names": "VARCHAR[] NOT NULL",
    "train_losses": "DOUBLE[] NOT NULL",
    "validation_losses": "DOUBLE[]",
    "best_epochs": "INTEGER[] NOT NULL",
    "weight_cosine": "DOUBLE NOT NULL",
    "unseen_cosine": "DOUBLE",
    "duration_s": "DOUBLE NOT NULL",
}

# Of a map, found by the documents on it: x and y of each, and how they were found, as JSON.
MAPS = {"points": "REAL[] NOT NULL", "parameters": "VARCHAR NOT NULL"}


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
    """How rows of input embeddings moved along documents' gradients, and these gradients as the
    array ``projected``; see ``open_rows``."""
    path = store.gradients / f"embeddings-{key}.duckdb"
    return open_rows(store, path, AGREEMENTS, while_waiting, on_damage)


def open_sums(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """The exact lengths of sums of gradients; see ``open_rows``."""
    path = store.gradients / f"sums-{key}.duckdb"
    return open_rows(store, path, SUMS, while_waiting, on_damage)


def open_students(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """Students of one model pair, judged on one set of documents; see ``open_rows``."""
    path = store.gradients / f"students-{key}.duckdb"
    return open_rows(store, path, STUDENTS, while_waiting, on_damage)


def open_maps(
    store: Store, key: str, while_waiting: Callable[[], None], on_damage: Callable[[str], None]
) -> AbstractContextManager[RowStore]:
    """Maps of embeddings by one model; see ``open_rows``."""
    path = store.embeddings / f"maps-{key}.duckdb"
    return open_rows(store, path, MAPS, while_waiting, on_damage)
