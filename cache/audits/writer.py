"""An audit file while it is being built: matrices, gradients and facts besides plain rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.arrays import (
    ReadFactors,
    embedding_gradient_arrays,
    gradient_arrays,
    in_memory,
)
from assay.cache.audits.rows import AuditRows
from assay.cache.audits.schema import SCHEMA_VERSION, TABLES
from assay.cache.files.blocks import pack
from assay.cache.files.builder import FileBuilder
from assay.cache.files.matrices import StoredMatrix, spilled
from assay.cache.files.spilled import SpilledBlocks
from assay.cache.store import Store


class AuditBuilder(FileBuilder):
    """Writes one audit file, stage by stage; ``rows`` reads what is written so far."""

    def __init__(self, store: Store, audit_id: str) -> None:
        super().__init__(store, audit_id, TABLES, SCHEMA_VERSION, store.audits)
        self.audit_id = audit_id
        self.rows = AuditRows(self._connection)

    def clear(self, table: str) -> None:
        """Delete everything that this stage has written to a table."""
        self._connection.execute(f"DELETE FROM {table}")

    def write_matrix(
        self, table: str, keys: Mapping[str, Any], matrix: NDArray, first_row: int = 0
    ) -> None:
        """Append a matrix to a table of blocks, with its rows numbered from ``first_row``."""
        blocks = list(pack(matrix, first_row))
        fields = ("first_row", "n_rows", "width", "scale", "data", "sha256")
        columns = {name: [value] * len(blocks) for name, value in keys.items()}
        columns |= {field: [getattr(block, field) for block in blocks] for field in fields}
        self.write(table, columns)

    def write_target(
        self, checkpoint: int, norm: float, target: NDArray[np.float32] | None
    ) -> None:
        """Append base − final of the last layer: its norm and, if stored, the matrix itself."""
        shape = (None, None) if target is None else target.shape
        data = None if target is None else np.ascontiguousarray(target, np.float32).tobytes()
        self._connection.execute(
            "INSERT INTO targets VALUES (?, ?, ?, ?, ?)", [checkpoint, norm, *shape, data]
        )

    def put_fact(self, model: str, fact: str, value: Any) -> None:
        """Set one JSON fact about a model or about their difference."""
        self._connection.execute(
            "INSERT OR REPLACE INTO model_facts VALUES (?, ?, ?)", [model, fact, json.dumps(value)]
        )

    def _stored(self, table: str, keys: Mapping[str, Any]) -> StoredMatrix:
        stored = StoredMatrix.find(self._connection, table, keys)
        if stored is None:
            raise ValueError(f"{table} holds nothing under {dict(keys)}")
        return stored

    def spilled(self, table: str, *keys: Mapping[str, Any]) -> SpilledBlocks:
        """Matrices in a file that this process reads row by row, one below the other; ValueError
        if one is missing."""
        return spilled([self._stored(table, own) for own in keys], self.store.building)

    def gradients(self, read: ReadFactors = in_memory) -> dict[str, Any]:
        """See ``cache.audits.arrays.gradient_arrays``; ValueError before gradients are written."""
        arrays = gradient_arrays(self._connection, read)
        if arrays is None:
            raise ValueError("no gradients are written yet")
        return arrays

    def embedding_gradients(self, read: ReadFactors = in_memory) -> dict[str, Any] | None:
        """See ``cache.audits.arrays.embedding_gradient_arrays``."""
        return embedding_gradient_arrays(self._connection, read)
