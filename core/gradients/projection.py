"""A two-sided (Kronecker) random projection of gradients δ ⊗ h, never forming δ ⊗ h.

R₁ (k₁ × V) and R₂ (k₂ × d) hold random signs, so that R₁ δ ⊗ R₂ h / √(k₁k₂) keeps inner products
in expectation (ARCHITECTURE §2). Each row is a counter-based stream of its own (Philox, Salmon et
al. 2011): the first rows and columns of a larger projection are the smaller one, on every device,
and one store of the unscaled products serves every smaller dimension.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIDES = {"errors": 1, "hidden": 2}


def random_signs(
    seed: int, side: str, n_rows: int, n_columns: int, layer: int = 0
) -> NDArray[np.int8]:
    """±1, (n_rows × n_columns) int8; row r depends on seed, side ("errors", "hidden"), layer and r
    alone. Rademacher, as the authors' code.
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


def side_lengths(dimension: int) -> tuple[int, int]:
    """(k₁, k₂) of a projection to ``dimension`` = k₁ · k₂, k₁ the largest divisor up to √dimension.

    512 → 16 × 32, 4,096 → 64 × 64.
    """
    left = next(k for k in range(int(dimension**0.5), 0, -1) if dimension % k == 0)
    return left, dimension // left


def leading_part(
    products: NDArray[np.float32], stored: tuple[int, int], wanted: tuple[int, int]
) -> NDArray[np.float32]:
    """The smaller projection inside a larger one, both flattened: (… × k₁k₂) → (… × k₁'k₂').

    ValueError if the wanted one is larger on a side.
    """
    if wanted[0] > stored[0] or wanted[1] > stored[1]:
        raise ValueError(f"a projection to {stored} holds none to {wanted}")
    whole = products.reshape(*products.shape[:-1], *stored)
    part = whole[..., : wanted[0], : wanted[1]]
    return np.ascontiguousarray(part).reshape(*products.shape[:-1], wanted[0] * wanted[1])
