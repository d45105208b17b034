"""A value with its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A proportion or mean with its two-sided interval."""

    value: float
    low: float
    high: float
