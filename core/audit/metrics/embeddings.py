"""Sentence embeddings of pool and reference set, read once for all metrics that use them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.cache.files.spilled import SpilledRows
from assay.core.audit.context import AuditContext

# A larger reference set is replaced by a random sample of this size: a matrix of products with it
# must fit in memory.
_MAX_REFERENCE = 10_000


@dataclass(frozen=True)
class Embedded:
    """pool (n × d, by document_id; on disk, since selections need few of its rows) and reference
    (m × d, m ≤ 10,000), unit length, float32.

    ``sampled`` is what to add to a method's name where the reference set is larger than m.
    """

    pool: SpilledRows
    reference: NDArray[np.float32]
    sampled: str

    @classmethod
    def read(cls, audit: AuditContext) -> Embedded:
        pool = audit.builder.spilled("embeddings", {"set_name": "seed-corpus"})
        reference = audit.builder.spilled("embeddings", {"set_name": "reference"})
        kept = np.random.default_rng(audit.spec.seed).permutation(len(reference))[:_MAX_REFERENCE]
        is_sampled = len(kept) < len(reference)
        sampled = f", {_MAX_REFERENCE:,} reference documents" if is_sampled else ""
        return cls(pool, reference.take(np.sort(kept).tolist()), sampled)
