"""How well a score ranks one group of documents above another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from core.maths.located import CONFIDENCE, Interval


@dataclass(frozen=True)
class Separation:
    """AUC with its interval; it is 0.5 for a score that knows nothing."""

    auc: Interval
    n_positive: int
    n_negative: int


def separation(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> Separation:
    """The chance that a positive score is above a negative one, ties counted half.

    The interval is normal with the standard error of Hanley and McNeil (1982), cut to [0, 1].
    ValueError if a group is empty.
    """
    n, m = len(positive), len(negative)
    if not n or not m:
        raise ValueError(f"an AUC needs two groups, not {n} and {m} scores")
    ranks = rankdata(np.concatenate([positive, negative]))
    auc = float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))
    both_above, both_below = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (n - 1) * (both_above - auc**2) + (m - 1) * (both_below - auc**2)
    ) / (n * m)
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * max(variance, 0.0) ** 0.5
    return Separation(Interval(auc, max(0.0, auc - reach), min(1.0, auc + reach)), n, m)


def n_found_at(
    positive: NDArray[np.float64], negative: NDArray[np.float64], mistaken_share: float
) -> int:
    """How many positives score above all but ``mistaken_share`` of the negatives, ties excluded."""
    allowed = int(mistaken_share * len(negative))
    threshold = np.sort(negative)[::-1][allowed]
    return int((positive > threshold).sum())
