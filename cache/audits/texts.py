"""Documents of an audit with their embeddings, for computing distances again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.rows import AuditRows
from assay.cache.files.database import open_to_read
from assay.cache.files.matrices import read_matrix
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class Texts:
    """n texts and their embeddings (n × d, float32)."""

    texts: tuple[str, ...]
    embeddings: NDArray[np.float32]


def read_selected(path: Path, strategy: Strategy) -> Texts:
    """A selection's documents, in order; ValueError if the audit stores no embeddings."""
    return _candidates(
        path,
        "SELECT document_id, text FROM selections JOIN documents USING (document_id) "
        "WHERE strategy = ? ORDER BY rank",
        [str(strategy)],
    )


def read_held_out(path: Path, source: str) -> Texts:
    """Held-out documents; ValueError as ``read_selected``."""
    return _candidates(
        path,
        "SELECT document_id, text FROM documents WHERE source = ? AND NOT in_reference "
        "ORDER BY document_id",
        [source],
    )


def read_candidates(path: Path) -> Texts:
    """The whole seed corpus; ValueError as ``read_selected``."""
    return _candidates(path, "SELECT document_id, text FROM documents ORDER BY document_id", [])


def read_reference(path: Path) -> Texts:
    """The reference set; ValueError if the audit has none."""
    with open_to_read(path) as connection:
        texts = AuditRows(connection).texts("reference")
        embeddings = read_matrix(connection, "embeddings", {"set_name": "reference"})
    if embeddings is None:
        raise ValueError("the audit holds no reference set")
    return Texts(tuple(texts), embeddings)


def _candidates(path: Path, query: str, parameters: list[Any]) -> Texts:
    with open_to_read(path) as connection:
        rows = connection.execute(query, parameters).fetchall()
        pool = read_matrix(connection, "embeddings", {"set_name": "seed-corpus"})
    if pool is None:
        raise ValueError("the audit holds no embeddings")
    return Texts(tuple(text for _, text in rows), pool[[number for number, _ in rows]])
