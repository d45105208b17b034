"""Two-dimensional map of sentence embeddings, in which similar documents are close together."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.core.similarity.map_sizes import MAX_FITTED, MIN_UMAP
from assay.core.similarity.vectors import Vectors

# UMAP's own choice for as many points as it is fitted to. Said aloud, it also decides for how long
# others are placed, which would otherwise depend on their number.
_N_EPOCHS = 200
# Others are placed in groups of at most this many, whatever memory there is: the last bits of their
# places depend on the group.
_MAX_TOGETHER = 4_096
_ROWS_AT_ONCE = 1024
_UMAP: dict[str, Any] = {"n_neighbors": 15, "min_dist": 0.1, "metric": "cosine", "init": "pca"}


@dataclass(frozen=True)
class Layout:
    """points (n × 2, float32), and the method, parameters and seed that made them."""

    points: NDArray[np.float32]
    parameters: dict[str, Any]


def lay_out(vectors: Vectors, seed: int) -> Layout:
    """Map coordinates of n ≥ 1 unit vectors; equal inputs give equal maps.

    Two principal components for fewer than 500 points. Otherwise UMAP (McInnes et al., 2018),
    fitted to up to 12,000 points; of more points, that many are drawn at random for the fit, and
    only they are in memory together.
    """
    n = len(vectors)
    if n < MIN_UMAP:
        whole = vectors.take(range(n))
        return Layout(_principal_components(whole), {"method": "principal components"})
    return _umap(vectors, seed)


def _principal_components(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.ascontiguousarray(centred @ axes[:, :-3:-1], np.float32)


def _umap(vectors: Vectors, seed: int) -> Layout:
    import numba

    # Otherwise Numba's OpenMP layer would give torch, which shares its library, all cores
    # permanently; two busy threads then take several times as long as one.
    numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
    from umap import UMAP  # takes seconds to import

    _keep_compiled()
    n = len(vectors)
    order = np.random.default_rng(seed).permutation(n)
    fitted, others = np.sort(order[:MAX_FITTED]), order[MAX_FITTED:]
    sample = vectors.take(fitted.tolist())
    own: dict[str, Any] = {"n_epochs": _N_EPOCHS}
    if not len(others):
        # UMAP's own search takes seconds to compile. Placing others needs its index, though.
        own = {"precomputed_knn": (*_neighbours(sample), None)}
    mapper = UMAP(**_UMAP, random_state=seed, n_jobs=1, **own)
    points = np.empty((n, 2), np.float32)
    with warnings.catch_warnings():
        # That it has no index to place others, and that a seed allows no parallel work.
        warnings.simplefilter("ignore", UserWarning)
        points[fitted] = mapper.fit_transform(sample)
    for group in _groups(others):
        points[group] = mapper.transform(vectors.take(group.tolist()))
    return Layout(points, {"method": "UMAP", **_UMAP, "seed": seed, "n_fitted": len(fitted)})


def _groups(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Groups of almost one size, in a random order as ``numbers`` are: UMAP places each document
    by its own neighbours, but measures their closeness by that in the group."""
    n_groups = -(-len(numbers) // _MAX_TOGETHER)
    return [np.sort(group) for group in np.array_split(numbers, max(n_groups, 1)) if len(group)]


def _neighbours(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest 15 of unit vectors, itself first, and their cosine distances; (n × 15) each."""
    n_nearest = _UMAP["n_neighbors"]
    indices, distances = [], []
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        rows = vectors[start : start + _ROWS_AT_ONCE]
        apart = np.maximum(1 - rows @ vectors.T, 0)
        apart[np.arange(len(rows)), start + np.arange(len(rows))] = -1  # before its duplicates
        nearest = np.argpartition(apart, n_nearest, axis=1)[:, :n_nearest]
        own = np.take_along_axis(apart, nearest, axis=1)
        order = np.argsort(own, axis=1, kind="stable")
        indices.append(np.take_along_axis(nearest, order, axis=1))
        distances.append(np.maximum(np.take_along_axis(own, order, axis=1), 0))
    return np.concatenate(indices), np.concatenate(distances)


def _keep_compiled() -> None:
    """Have Numba keep on disk what UMAP compiles anew in every process, for about five seconds."""
    from umap import umap_

    for function in (umap_.smooth_knn_dist, umap_.compute_membership_strengths):
        # RuntimeError: no folder to keep it in.
        with suppress(RuntimeError):
            function.enable_caching()
