"""What a distance means: how much of the reference set must be replaced to get the same distance.

The paper's fig. 4 replaces selected data by training data, 10% at a time; this is the same curve
read the other way round, for every audit with a reference set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARES = tuple(tenth / 10 for tenth in range(11))
N_DRAWS = 5


@dataclass(frozen=True)
class Mixture:
    """Reference documents and others that replace the rest, as positions in their sets."""

    replaced_share: float
    true: NDArray[np.int64]
    others: NDArray[np.int64]


def mixtures(
    n_true: int, n_others: int, size: int, seed: int, shares: Sequence[float] = SHARES
) -> Iterator[Mixture]:
    """Sets of ``size`` documents in which each share is replaced, one draw for each share.

    The shares of a draw are nested. ValueError if either set has fewer documents than ``size``.
    """
    if size > min(n_true, n_others):
        raise ValueError(f"{size} of {n_true} true and {n_others} other documents")
    generator = np.random.default_rng(seed)
    true, others = generator.permutation(n_true), generator.permutation(n_others)
    for share in shares:
        n_replaced = round(share * size)
        yield Mixture(share, true[: size - n_replaced], others[:n_replaced])


@dataclass(frozen=True)
class Likeness:
    """The two replaced shares between which a value lies; None beyond the end of the curve."""

    least: float | None
    most: float | None


def likeness(
    shares: Sequence[float], lows: Sequence[float], highs: Sequence[float], value: float
) -> Likeness:
    """The measured shares that bracket ``value`` on a rising curve given by its bands.

    ``least`` is the largest share whose whole band is below the value (None: the value is below the
    reference set's own, or within its band); ``most`` is the smallest whose whole band is above
    (None: there is none). Nothing is interpolated. A falling curve is read by negating all values.
    """
    below = [share for share, high in zip(shares, highs, strict=True) if high < value]
    above = [share for share, low in zip(shares, lows, strict=True) if low > value]
    return Likeness(max(below, default=None), min(above, default=None))
