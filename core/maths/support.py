"""What support means nothing: the line that made-up topics reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEVEL = 0.95


def null_line(values: Sequence[float]) -> float | None:
    """The value that at most 5% of the null's ``values`` exceed, never below an observed quantile.

    With fewer than 20 values it is their largest. None without any.
    """
    if not len(values):
        return None
    return float(np.quantile(np.asarray(values, float), LEVEL, method="higher"))
