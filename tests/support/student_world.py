"""Students whose answers are made up: documents are more or less hard, draws more or less lucky."""

from __future__ import annotations

import numpy as np

N = 400
ONES = np.ones(N, np.int64)


def world(n_students, spread, rng, gain=0.0):
    """Which of N documents each student answers rightly: documents are more or less hard, students
    more or less able by the luck of their draw."""
    hard = rng.normal(0.5, 1.5, N)
    able = rng.normal(0, spread, (n_students, 1)) + gain * (np.arange(n_students)[:, None] == 0)
    own = hard + able + rng.normal(0, spread, (n_students, N))
    return (rng.random((n_students, N)) < 1 / (1 + np.exp(-4 * own))).astype(float)
