"""Optimal transport between two sets of sentence embeddings (paper §5, metrics)."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# POT imports every array library that it finds, but pages must not import torch.
for _backend in ("PYTORCH", "JAX", "TENSORFLOW", "CUPY"):
    os.environ.setdefault(f"POT_BACKEND_DISABLE_{_backend}", "1")

# With more pairs, the exact solver takes more than a few seconds on one core.
_MAX_EXACT_PAIRS = 10_000_000
_REGULARISATION = 0.1


@dataclass(frozen=True)
class Transport:
    """The mean cost of moving one set onto the other, and which solver computed it."""

    distance: float
    method: str


def transport_distance(
    first: NDArray[np.float32], second: NDArray[np.float32], max_exact: int = _MAX_EXACT_PAIRS
) -> Transport:
    """Uniform weights, squared Euclidean cost between unit vectors, (n × d) and (m × d).

    Between 0 and 4. Exact (POT ``emd2``) up to ``max_exact`` pairs. Otherwise the dual value of
    Sinkhorn's potentials (regularisation 0.1, as in the authors' larger runs), made feasible: a
    lower bound within 1% of exact, where the cost of Sinkhorn's blurred plan is 4% to 20% too high
    (measured). ValueError if a set is empty.
    """
    import ot

    if not len(first) or not len(second):
        raise ValueError("transport needs two sets that are not empty")
    cost = np.maximum(2 - 2 * (_unit(first) @ _unit(second).T), 0)
    here, there = (np.full(n, 1 / n) for n in cost.shape)
    if cost.size <= max_exact:
        return Transport(float(ot.emd2(here, there, cost, numItermax=10_000_000)), "exact")
    _, log = ot.sinkhorn(
        here, there, cost, _REGULARISATION, method="sinkhorn_log", log=True, stopThr=1e-6
    )
    # Kantorovich's constraints f_i + g_j ≤ cost_ij hold once each side is the other's transform.
    first_prices = (cost - _REGULARISATION * np.asarray(log["log_v"])[None]).min(axis=1)
    second_prices = (cost - first_prices[:, None]).min(axis=0)
    distance = float(first_prices @ here + second_prices @ there)
    return Transport(
        distance, f"lower bound by Sinkhorn's algorithm, regularisation {_REGULARISATION}"
    )


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    vectors = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
