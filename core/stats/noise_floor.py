"""How much two runs of one model differ, and what a difference between two models must exceed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from assay.core.specs.results.diff import NoiseFloor
from assay.core.stats.intervals import CONFIDENCE, Interval, proportion

LEVEL = 0.95


def noise_floor(differences: Sequence[float] | NDArray[np.float64]) -> NoiseFloor | None:
    """An upper bound for the absolute values of differences; None without any difference.

    From 59 differences on it is the order statistic that is a distribution-free tolerance limit
    (Wilks 1941). With fewer, no such limit exists; then it is the limit of a normal distribution
    around zero (which of two runs of one model comes first is arbitrary) whose spread is taken at
    its own upper confidence limit, and at least the largest difference observed. The fewer
    differences, the higher the floor.
    """
    sizes = np.sort(np.abs(np.asarray(differences, float)))
    n = len(sizes)
    if not n:
        return None
    rank = int(stats.binom.ppf(LEVEL, n, LEVEL))
    if rank < n:
        return NoiseFloor(float(sizes[rank]), n, True)
    spread = np.sqrt((sizes**2).sum() / stats.chi2.ppf(1 - LEVEL, n))
    limit = float(stats.norm.ppf((1 + LEVEL) / 2) * spread)
    return NoiseFloor(max(limit, float(sizes[-1])), n, False)


@dataclass(frozen=True)
class ShareBeyond:
    """A share, the same share between two runs of one model, and the excess."""

    share: Interval
    noise: Interval
    excess: Interval


def share_beyond(n_found: int, n: int, n_noise_found: int, n_noise: int) -> ShareBeyond:
    """n_found of n things, compared with n_noise_found of n_noise between two runs of one model.

    Clopper–Pearson for the shares, Newcombe for their difference, which treats the two as
    independent. ValueError if n or n_noise is 0.
    """
    if not n or not n_noise:
        raise ValueError(
            f"a share with denominator 0: {n_found} of {n}, {n_noise_found} of {n_noise}"
        )
    own, noise = proportion(n_found, n), proportion(n_noise_found, n_noise)
    low, high = confint_proportions_2indep(
        n_found, n, n_noise_found, n_noise, method="newcomb", compare="diff", alpha=1 - CONFIDENCE
    )
    return ShareBeyond(own, noise, Interval(own.value - noise.value, float(low), float(high)))


LEVEL = 0.95


def null_line(values: Sequence[float]) -> float | None:
    """The value that at most 5% of the null's ``values`` exceed; always an observed value.

    With fewer than 20 values it is the largest. None if there are none.
    """
    if not len(values):
        return None
    return float(np.quantile(np.asarray(values, float), LEVEL, method="higher"))
