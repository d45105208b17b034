"""How much of a reference set has a selected document near it, in embedding space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The neighbour whose distance is a reference document's radius, as in Naeem et al.
N_NEIGHBOURS = 5
# Embeddings are stored as float16, so a document's product with itself may be this much below 1.
_ROUNDING = 1e-3
_ROWS_AT_ONCE = 1024


def similarity_floors(reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """How similar a document must be to each reference document to count as near, (m), cosines.

    The similarity of its 5th nearest other reference document (of the last one in a smaller set; a
    single document is near only itself). ``reference`` (m × d), unit length.
    """
    n_neighbours = min(N_NEIGHBOURS, len(reference) - 1)
    if n_neighbours < 1:
        return np.ones(len(reference), np.float32)
    floors = []
    for start in range(0, len(reference), _ROWS_AT_ONCE):
        rows = reference[start : start + _ROWS_AT_ONCE]
        similar = rows @ reference.T
        similar[np.arange(len(rows)), start + np.arange(len(rows))] = -np.inf
        floors.append(-np.partition(-similar, n_neighbours - 1, axis=1)[:, n_neighbours - 1])
    return np.concatenate(floors)


def is_covered(
    selected: NDArray[np.float32], reference: NDArray[np.float32], floors: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which reference documents have a selected document within their radius, (m).

    The coverage of Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models"
    (ICML 2020), eq. 6, k = 5. The balls are around reference documents, so outliers of a selection
    cannot enlarge them, as they do in the recall of Kynkäänniemi et al. (2019). On unit vectors,
    Euclidean balls are cosines above a threshold. selected (n × d), reference (m × d), unit length.
    """
    covered = np.zeros(len(reference), np.bool_)
    for start in range(0, len(reference), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        nearest = (reference[rows] @ selected.T).max(axis=1, initial=-np.inf)
        covered[rows] = nearest >= floors[rows] - _ROUNDING
    return covered
