"""Gradients on disk and the same gradients in memory."""

from __future__ import annotations

import numpy as np

from assay.cache.files.blocks import pack, unpack_one
from assay.cache.files.spilled import SpilledBlocks, SpilledRows
from assay.core.gradients.blocked import BlockedFactors, BlockedProjections
from assay.core.gradients.features import FactoredGradients, ProjectedGradients


def passes_from_disk(monkeypatch):
    """A list that every pass over gradients on disk adds its kind to."""
    passes = []
    for kind in (BlockedFactors, BlockedProjections):
        made = kind.inner_products_with
        monkeypatch.setattr(
            kind,
            "inner_products_with",
            lambda self, chosen, made=made: passes.append(type(self)) or made(self, chosen),
        )
    return passes


def cut(matrix, sizes):
    """Stored blocks of these sizes in turn, over and over."""
    first, number = 0, 0
    while first < len(matrix):
        size = sizes[number % len(sizes)]
        yield from pack(matrix[first : first + size], first)
        first, number = first + size, number + 1


def halved(matrix):
    """What is left of a matrix once it was stored."""
    return np.concatenate([unpack_one(block) for block in pack(matrix)])


def spilled(arrays, folder, sizes):
    """A matrix a checkpoint, on disk."""
    return [SpilledBlocks(folder, own.shape[1], cut(own, sizes)) for own in arrays]


def scratch_in(folder):
    return lambda n_values: SpilledRows(folder, n_values)


def factored(errors, hidden, target, folder, sizes=(256,)):
    """In memory and on disk."""
    kept = [np.stack([halved(own) for own in array]) for array in (errors, hidden)]
    rows = [spilled(array, folder, sizes) for array in (errors, hidden)]
    return FactoredGradients(*kept, target), BlockedFactors(scratch_in(folder), *rows, target)


def projected(vectors, target, folder, sizes=(256,)):
    """In memory and on disk; vectors (J × n × k), target (J × k)."""
    numbers = (
        np.einsum("jnk,jk->jn", vectors, target, dtype=np.float64),
        np.square(vectors, dtype=np.float64).sum(axis=-1),
        np.linalg.norm(target, axis=1),
    )
    kept = np.stack([halved(own) for own in vectors])
    rows = spilled(vectors, folder, sizes)
    return (
        ProjectedGradients(kept, *numbers),
        BlockedProjections(scratch_in(folder), rows, *numbers),
    )
