"""How far two runs of one model lie apart, and what must be exceeded to say that two models do."""

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
    """An upper bound of differences' absolute values; None without any difference.

    From 59 differences on it is the order statistic that is a distribution-free tolerance limit
    (Wilks 1941). Of fewer none is; then it is the limit of a normal distribution around zero (which
    of two runs of one model comes first is arbitrary) whose spread is taken at its own upper
    confidence limit, and no less than the largest difference seen: the fewer, the higher the floor.
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
    """A share, the same share between two runs of one model, and by how much it is larger."""

    share: Interval
    noise: Interval
    excess: Interval


def share_beyond(n_found: int, n: int, n_noise_found: int, n_noise: int) -> ShareBeyond:
    """Of n things n_found, against n_noise_found of n_noise between two runs of one model.

    Clopper–Pearson for the shares, Newcombe for their difference, which takes the two for
    independent. ValueError if either is a share of nothing.
    """
    if not n or not n_noise:
        raise ValueError(f"a share of nothing: {n_found} of {n}, {n_noise_found} of {n_noise}")
    own, noise = proportion(n_found, n), proportion(n_noise_found, n_noise)
    low, high = confint_proportions_2indep(
        n_found, n, n_noise_found, n_noise, method="newcomb", compare="diff", alpha=1 - CONFIDENCE
    )
    return ShareBeyond(own, noise, Interval(own.value - noise.value, float(low), float(high)))


LEVEL = 0.95


def null_line(values: Sequence[float]) -> float | None:
    """The value that at most 5% of the null's ``values`` exceed, never below an observed quantile.

    With fewer than 20 values it is their largest. None without any.
    """
    if not len(values):
        return None
    return float(np.quantile(np.asarray(values, float), LEVEL, method="higher"))
