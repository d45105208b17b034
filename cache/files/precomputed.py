"""What audits compute and share: one file per key of everything that determines it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

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

# Of a document that a language model reads, every membership score.
TOKEN_SCORES = {"scores": "DOUBLE[] NOT NULL"}

# How far linear layers moved along the gradients at a document's tokens.
LAYER_SCORES = {"score": "DOUBLE NOT NULL"}

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


@dataclass(frozen=True)
class _Cache:
    """``shelf``: the store's folder of the files; ``prefix``: of their names; ``columns``: of their
    rows, besides arrays."""

    shelf: str
    prefix: str
    columns: Mapping[str, str]

    def open(
        self,
        store: Store,
        key: str,
        while_waiting: Callable[[], None],
        on_damage: Callable[[str], None],
    ) -> AbstractContextManager[RowStore]:
        """The rows of one key; see ``open_rows``."""
        path: Path = getattr(store, self.shelf) / f"{self.prefix}{key}.duckdb"
        return open_rows(store, path, self.columns, while_waiting, on_damage)


# Each array is one block of rows.
open_gradients = _Cache("gradients", "", SCORES).open
# The embeddings from one model, as the array ``vector``.
open_embeddings = _Cache("embeddings", "", {}).open
# How rows of input embeddings moved along documents' gradients, and these gradients as the array
# ``projected``.
open_agreements = _Cache("gradients", "embeddings-", AGREEMENTS).open
# Membership scores of documents that a language model reads.
open_token_scores = _Cache("gradients", "membership-", TOKEN_SCORES).open
# How far linear layers moved along documents' gradients.
open_layer_scores = _Cache("gradients", "layers-", LAYER_SCORES).open
# The exact lengths of sums of gradients.
open_sums = _Cache("gradients", "sums-", SUMS).open
# Students of one model pair, evaluated on one set of documents.
open_students = _Cache("gradients", "students-", STUDENTS).open
# Maps of embeddings from one model.
open_maps = _Cache("embeddings", "maps-", MAPS).open
