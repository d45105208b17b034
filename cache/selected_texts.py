"""Selected and true documents with their embeddings, as measuring them anew needs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache.corpus import read_matrix
from cache.database import open_to_read
from core.specs import Strategy


@dataclass(frozen=True)
class Texts:
    """n texts and their embeddings (n × d, float32)."""

    texts: tuple[str, ...]
    embeddings: NDArray[np.float32]


def read_selected(path: Path, strategy: Strategy) -> Texts:
    """A selection's documents, in order; ValueError if the audit embedded nothing."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT document_id, text FROM selections JOIN documents USING (document_id) "
            "WHERE strategy = ? ORDER BY rank",
            [str(strategy)],
        ).fetchall()
        pool = read_matrix(connection, "embeddings", {"set_name": "seed-corpus"})
    if pool is None:
        raise ValueError("the audit holds no embeddings")
    return Texts(tuple(text for _, text in rows), pool[[number for number, _ in rows]])


def read_reference(path: Path) -> Texts:
    """The reference set; ValueError if the audit has none."""
    with open_to_read(path) as connection:
        rows = connection.execute(
            "SELECT text FROM reference_documents ORDER BY reference_id"
        ).fetchall()
        embeddings = read_matrix(connection, "embeddings", {"set_name": "reference"})
    if embeddings is None:
        raise ValueError("the audit holds no reference set")
    return Texts(tuple(text for (text,) in rows), embeddings)
