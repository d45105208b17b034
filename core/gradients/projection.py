"""Random projections of gradients δ ⊗ h that never form δ ⊗ h, and the numbers they are drawn from.

Tensor sketch (Pham and Pagh 2013; ARCHITECTURE §2): entry (i, j) of δ ⊗ h goes, with sign
s₁(i)s₂(j), to place b₁(i) + b₂(j) modulo k. It keeps inner products in expectation and errs as a
dense projection to k dimensions does. Its sums over places that are equal modulo k' are the
projection to k'. Sketches of several layers, drawn independently, add up to one of them together.

Everything is counter-based (Philox, Salmon et al. 2011) and so the same on every device.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIDES = {"errors": 1, "hidden": 2}


def random_signs(
    seed: int, side: str, n_rows: int, n_columns: int, layer: int = 0
) -> NDArray[np.int8]:
    """±1, (n_rows × n_columns) int8 (Rademacher, as in the authors' code).

    Row r depends only on seed, side ("errors", "hidden"), layer and r.
    """
    n_words = -(-n_columns // 64)
    rows = np.empty((n_rows, n_columns), np.int8)
    for row in range(n_rows):
        stream = np.random.Philox(
            key=[seed, _SIDES[side] + len(_SIDES) * layer], counter=[0, row, 0, 0]
        )
        words = stream.random_raw(n_words).astype("<u8")
        bits = np.unpackbits(words.view(np.uint8), bitorder="little")
        rows[row] = bits[:n_columns].astype(np.int8) * 2 - 1
    return rows


def random_order(seed: int, side: str, n: int, layer: int = 0) -> NDArray[np.int64]:
    """The numbers below n in random order, (n)."""
    stream = np.random.Philox(key=[seed, _SIDES[side] + len(_SIDES) * layer], counter=[0, 0, 1, 0])
    return np.argsort(stream.random_raw(n), kind="stable")


def folded(sketches: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """The smaller tensor sketch inside a larger one, (… × k) → (… × dimension).

    ValueError unless ``dimension`` divides k.
    """
    largest = sketches.shape[-1]
    if largest % dimension:
        raise ValueError(f"a sketch of {largest} dimensions does not contain one of {dimension}")
    return sketches.reshape(*sketches.shape[:-1], largest // dimension, dimension).sum(axis=-2)


def worth(estimates: NDArray[np.float64], squared_norms: NDArray[np.float64]) -> float | None:
    """The dimension of a dense projection with the same error.

    estimates: the squared lengths of sketches, (… × n); squared_norms (… × n), exact. A dense
    projection estimates ‖g‖² with relative variance 2 / k. None if all gradients are zero.
    """
    exact = squared_norms.ravel()
    errors = estimates.ravel()[exact > 0] / exact[exact > 0] - 1
    mean_square = float(np.mean(errors**2)) if len(errors) else 0.0
    return 2 / mean_square if mean_square else None
