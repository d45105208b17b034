"""Branches where a mean is lower: than in the other branches, or than before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used, see stats/intervals.py
from numpy.typing import NDArray

_Values = NDArray[np.float64]


@dataclass(frozen=True)
class MeanDrop:
    """Means of a group and of its comparison; p is one-sided, for the group being lower."""

    value: float
    other: float
    p_value: float
    q_value: float

    @property
    def drop(self) -> float:
        return self.other - self.value


def mean_drops(comparisons: Sequence[tuple[_Values, _Values]]) -> list[MeanDrop]:
    """Each group, (n), against its own comparison group, (m), by the Mann–Whitney test (SciPy).

    q-values are Benjamini and Hochberg's over all comparisons. ValueError if a group is empty.
    """
    if any(not len(group) or not len(other) for group, other in comparisons):
        raise ValueError("a group without values cannot be compared")
    p_values = [
        float(scipy.stats.mannwhitneyu(group, other, alternative="less").pvalue)
        for group, other in comparisons
    ]
    q_values = scipy.stats.false_discovery_control(p_values) if p_values else []
    return [
        MeanDrop(float(group.mean()), float(other.mean()), p_value, float(q_value))
        for (group, other), p_value, q_value in zip(comparisons, p_values, q_values, strict=True)
    ]


def against_rest(groups: Sequence[_Values]) -> list[MeanDrop]:
    """Each group against all others together; none if there is only one."""
    if len(groups) < 2:
        return []
    rest = [np.concatenate([*groups[:at], *groups[at + 1 :]]) for at in range(len(groups))]
    return mean_drops(list(zip(groups, rest, strict=True)))
