"""Branches where something falls: lower in one group than in the others, or than it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, permutation_test

N_SHUFFLES = 9_999

_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Fall:
    """Means of a group and of what it is compared with; p one-sided, for the group lower."""

    value: float
    other: float
    p_value: float
    q_value: float

    @property
    def drop(self) -> float:
        return self.other - self.value


def falls(comparisons: Sequence[tuple[_Values, _Values]], seed: int = 0) -> list[Fall]:
    """Each group, (n), against its own comparison, (m): difference of means over shuffles (SciPy).

    Exact if, under the null, any value could as well stand in the other group. q-values are
    Benjamini and Hochberg's over all comparisons. ValueError if a group is empty.
    """
    if any(not len(group) or not len(other) for group, other in comparisons):
        raise ValueError("a group without values cannot be compared")
    p_values = [_p_value(group, other, seed) for group, other in comparisons]
    q_values = false_discovery_control(p_values) if p_values else []
    return [
        Fall(float(group.mean()), float(other.mean()), p_value, float(q_value))
        for (group, other), p_value, q_value in zip(comparisons, p_values, q_values, strict=True)
    ]


def against_rest(groups: Sequence[_Values], seed: int = 0) -> list[Fall]:
    """Each group against all the others together; none where there is only one."""
    if len(groups) < 2:
        return []
    rest = [np.concatenate([*groups[:at], *groups[at + 1 :]]) for at in range(len(groups))]
    return falls(list(zip(groups, rest, strict=True)), seed)


def _p_value(group: _Values, other: _Values, seed: int) -> float:
    found = permutation_test(
        (group, other),
        lambda first, second, axis: first.mean(axis=axis) - second.mean(axis=axis),
        vectorized=True,
        n_resamples=N_SHUFFLES,
        batch=512,
        alternative="less",
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)
