"""Recall and precision of located documents against simulated selections."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from assay.core.stats.recall import located


def test_null_band_holds_most_random_selections():
    """About 95% of random selections fall into the band, and a planted one does not."""
    n, n_leaked, k = 400, 60, 50
    draws = np.random.default_rng(0).hypergeometric(n_leaked, n - n_leaked, k, 4000)
    null = located(n, n_leaked, k, 0)
    for band, size in ((null.null_recall, n_leaked), (null.null_precision, k)):
        inside = np.mean((draws / size >= band.low) & (draws / size <= band.high))
        assert 0.94 <= inside <= 0.99
        assert draws.mean() / size == pytest.approx(band.value, rel=0.02)
        assert 30 / size > band.high


def test_p_value_is_fair_under_random_selection():
    """Random selections fall below a p-value of 0.05 at most that often; planted ones always do."""
    n, n_leaked, k = 400, 60, 50
    draws = np.random.default_rng(1).hypergeometric(n_leaked, n - n_leaked, k, 2000)
    p_values = {x: located(n, n_leaked, k, int(x)).p_value for x in np.unique(draws)}
    assert np.mean([p_values[x] <= 0.05 for x in draws]) <= 0.055
    assert located(n, n_leaked, k, 30).p_value < 1e-10


def test_a_pool_that_is_all_leaked_says_nothing():
    """When every document is leaked, any selection has precision 1, lift 1 and p-value 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = located(10, 10, 4, 4)
    assert (result.precision.value, result.lift.value, result.p_value) == (1, 1, 1)
    assert result.recall.value == result.recall_ceiling == result.null_recall.high == 0.4
    assert type(result.null_recall.value) is float
