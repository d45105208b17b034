"""The band of a ROC chart in which rankings that know nothing lie."""

from __future__ import annotations

import numpy as np
import pytest

from assay.core.stats.auc import chance_rates


@pytest.mark.parametrize(("n_trained", "n_held_out"), [(40, 60), (120, 480), (5, 7)])
def test_shuffled_roles_lie_in_it_as_often_as_stated(n_trained, n_held_out):
    """At each rate of mistakes, at most 2.5% of random rankings find fewer documents than the lower
    and at most 2.5% more than the upper end; one step further in, more would."""
    mistaken, low, high = chance_rates(n_trained, n_held_out)
    rng = np.random.default_rng(0)
    n_draws = 4_000
    scores = rng.random((n_draws, n_trained + n_held_out))
    held_out = -np.sort(-scores[:, n_trained:], axis=1)
    for rate, bottom, top in zip(mistaken, low, high, strict=True):
        n_mistaken = round(rate * n_held_out)
        found = (scores[:, :n_trained] > held_out[:, [n_mistaken]]).mean(axis=1)
        assert (found < bottom - 1e-9).mean() <= 0.034
        assert (found > top + 1e-9).mean() <= 0.034
        assert (found <= bottom + 1e-9).mean() >= 0.018
        assert (found >= top - 1e-9).mean() >= 0.018


def test_it_widens_from_nothing_to_everything():
    """Rates rise from no mistake on, and both ends rise with them."""
    mistaken, low, high = chance_rates(50, 1_000)
    assert mistaken[0] == 0
    assert len(mistaken) <= 120
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    assert (low <= mistaken + 1e-9).all()
    assert (high >= mistaken).all()
