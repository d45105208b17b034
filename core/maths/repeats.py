"""A figure that was measured several times: with several seeds, or in several draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import sem, t

from core.maths.located import CONFIDENCE, Interval

# Two repeats would give an interval 13 times as wide as their distance from the mean.
_MIN_REPEATS = 3


@dataclass(frozen=True)
class Spread:
    """Mean, lowest and highest of ``n`` repeats, and the mean's 95% interval (Student's t).

    ``interval`` is None with fewer than three repeats, and where all agree: that they vary by
    nothing says only that nothing in them varied.
    """

    mean: float
    lowest: float
    highest: float
    n: int
    interval: Interval | None

    @classmethod
    def of(
        cls, values: Sequence[float], possible: tuple[float, float] = (-np.inf, np.inf)
    ) -> Spread:
        """``possible``: the values there can be; an interval ends at them. ValueError if empty."""
        if not len(values):
            raise ValueError("nothing was measured")
        lowest, highest = float(np.min(values)), float(np.max(values))
        mean = float(np.mean(values))
        interval = None
        # The same sums in another order differ in their last digits.
        if len(values) >= _MIN_REPEATS and not np.isclose(lowest, highest, rtol=1e-9, atol=1e-12):
            ends = t.interval(CONFIDENCE, len(values) - 1, loc=mean, scale=sem(values))
            low, high = np.clip(ends, *possible)
            interval = Interval(mean, float(low), float(high))
        return cls(mean, lowest, highest, len(values), interval)
