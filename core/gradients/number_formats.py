"""The formats that weights are rounded to, in NumPy, which lacks bfloat16."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NumberFormat:
    """A floating type: bits of the fraction, the leading one not counted; least normal exponent."""

    name: str
    fraction_bits: int
    least_exponent: int


FLOAT32 = NumberFormat("float32", 23, -126)
FLOAT16 = NumberFormat("float16", 10, -14)
BFLOAT16 = NumberFormat("bfloat16", 7, -126)

# Read in pieces, so that a large table needs no second copy.
_AT_A_TIME = 1 << 22


def coarsest(values: NDArray[np.float32]) -> NumberFormat:
    """The coarsest format that holds every value: the one they were rounded to.

    It is read from the values, because a file's own type does not show how its values were rounded
    before.
    """
    flat = values.reshape(-1)
    for kind in (BFLOAT16, FLOAT16):
        pieces = (flat[start : start + _AT_A_TIME] for start in range(0, len(flat), _AT_A_TIME))
        if all(np.array_equal(rounded(piece, kind), piece) for piece in pieces):
            return kind
    return FLOAT32


def rounded(values: NDArray[np.float32], kind: NumberFormat) -> NDArray[np.float32]:
    """Values rounded to the nearest value of a format, ties to even, as float32."""
    if kind is FLOAT32:
        return values
    if kind is FLOAT16:
        with np.errstate(over="ignore"):
            return values.astype(np.float16).astype(np.float32)
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    bits = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(
        0xFFFF0000
    )
    return bits.view(np.float32)


def widened(stored: NDArray, dtype: str) -> NDArray[np.float32]:
    """What a safetensors file stores as F32, F16 or BF16 (given as uint16), as float32."""
    if dtype == "BF16":
        return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return stored.astype(np.float32, copy=False)


def half_unit(values: NDArray, kind: NumberFormat) -> NDArray[np.float64]:
    """Half a unit in the last place of values that were rounded to a format."""
    _, exponents = np.frexp(values)
    return np.ldexp(0.5, np.maximum(exponents - 1, kind.least_exponent) - kind.fraction_bits)
