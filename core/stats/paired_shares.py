"""Two shares of the same documents, paired: which is larger, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from assay.core.stats.intervals import CONFIDENCE, Interval


@dataclass(frozen=True)
class PairedShares:
    """The first share minus the second; two-sided p."""

    difference: Interval
    p_value: float


def paired_shares(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> PairedShares:
    """Shares of documents for which ``first`` and ``second`` hold, (n) in the same order.

    Only documents for which one of the two holds tell them apart: p is McNemar's, exact. The
    interval is the adjusted Wald one of Bonett and Price (2012), which has a width even if no
    document tells them apart. ValueError without documents.
    """
    n = len(first)
    if not n or n != len(second):
        raise ValueError(f"{n} and {len(second)} documents cannot be paired")
    n_first, n_second = int((first & ~second).sum()), int((second & ~first).sum())
    only_first, only_second = (n_first + 1) / (n + 2), (n_second + 1) / (n + 2)
    centre = only_first - only_second
    reach = (
        float(norm.ppf((1 + CONFIDENCE) / 2))
        * ((only_first + only_second - centre**2) / (n + 2)) ** 0.5
    )
    n_apart = n_first + n_second
    return PairedShares(
        Interval((n_first - n_second) / n, max(-1.0, centre - reach), min(1.0, centre + reach)),
        float(binomtest(n_first, n_apart).pvalue) if n_apart else 1.0,
    )
