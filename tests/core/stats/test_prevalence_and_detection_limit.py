"""Prevalence and detection limit, on simulated audits whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom, nchypergeom_fisher, norm
from scipy.stats.contingency import odds_ratio

from assay.core.stats.detection_limit import POWER, detection_limit, power, selection_odds
from assay.core.stats.prevalence import Flagged, flag, prevalence
from assay.core.stats.recall import located


def estimates(truth, sensitivity, mistaken, n=300, n_draws=400):
    """Estimates of ``truth`` from ``n`` asked, 80 known trained and 320 known held-out ones."""
    rng = np.random.default_rng(0)

    def flagged(n_all, rate):
        return Flagged(int(rng.binomial(n_all, rate)), n_all)

    found = []
    for _ in range(n_draws):
        n_trained = rng.binomial(n, truth)
        n_flagged = rng.binomial(n_trained, sensitivity) + rng.binomial(n - n_trained, mistaken)
        found.append(
            prevalence(Flagged(int(n_flagged), n), flagged(80, sensitivity), flagged(320, mistaken))
        )
    return found


@pytest.mark.parametrize("truth", [0.0, 0.1, 0.5, 1.0])
def test_prevalence_intervals_cover(truth):
    """At least 93% of intervals hold the truth, from no member to members only, and estimates are
    near it but for the cut at 0 and 1."""
    found = estimates(truth, 0.6, 0.1)
    assert all(found)
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.93
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=0.06)


def test_a_score_that_tells_nothing_estimates_nothing():
    """Where members are flagged as often as others there is mostly no estimate at all."""
    found = estimates(0.5, 0.1, 0.1)
    assert np.mean([one is None for one in found]) > 0.9


def test_flags_are_above_the_held_out():
    """A tenth of the held-out documents may be above the threshold, no more."""
    held_out = np.arange(100.0)
    assert flag(held_out, held_out, 0.1).sum() == 10
    assert flag(np.array([89.0, 89.5]), held_out, 0.1).tolist() == [False, True]


def simulated_power(n_others, n_leaked, n_selected, odds, n_draws=4000):
    """How often significantly many leaked documents are selected, drawing documents one by one.

    Each is kept with its own probability, and draws of another size are thrown away: what Fisher's
    noncentral law describes, without using it.
    """
    rng = np.random.default_rng(3)
    share = n_selected / (n_others + n_leaked)
    usual = share / (1 - share)
    chance = [usual / (1 + usual), odds * usual / (1 + odds * usual)]
    counts = []
    while len(counts) < n_draws:
        leaked = rng.binomial(n_leaked, chance[1], 200_000)
        others = rng.binomial(n_others, chance[0], 200_000)
        counts.extend(leaked[leaked + others == n_selected].tolist())
    p_values = {
        x: located(n_others + n_leaked, n_leaked, n_selected, int(x)).p_value
        for x in np.unique(counts[:n_draws])
    }
    return np.mean([p_values[x] < 0.01 for x in counts[:n_draws]])


def test_the_detection_limit_is_real():
    """At the limit four of five audits find a leak, over the odds that the measured ones leave
    possible; one document fewer does not do, the estimate alone would promise more, and a selection
    blind to leaks finds one in 100 at most."""
    limit = detection_limit(400, 40, 50, 20, 200, 0.01)
    n_leaked, odds = limit.n_leaked, limit.odds
    assert limit.at_least < n_leaked < limit.at_most
    spread = np.log(odds.high / odds.low) / (2 * norm.ppf(0.975))
    drawn = odds.value * np.exp(spread * np.random.default_rng(2).normal(size=2_000))

    def assurance(n):
        return np.mean([power(360, n, 50, ratio, 0.01) for ratio in drawn])

    assert POWER - 0.01 < assurance(n_leaked) < POWER + 0.05
    assert assurance(n_leaked - 1) < POWER + 0.01
    assert power(360, n_leaked, 50, odds.value, 0.01) > POWER + 0.02
    assert simulated_power(360, n_leaked, 50, odds.value) == pytest.approx(
        power(360, n_leaked, 50, odds.value, 0.01), abs=0.02
    )
    assert simulated_power(360, n_leaked, 50, 1.0) <= 0.013


def test_a_selection_no_better_than_chance_has_no_limit():
    """With as many located as chance gives, or fewer, even all of the reference set would not do;
    and a pool or a budget that leaves nothing to choose says nothing."""
    assert detection_limit(400, 40, 50, 5, 200, 0.01).n_leaked is None
    assert detection_limit(400, 40, 50, 0, 200, 0.01).n_leaked is None
    assert detection_limit(40, 40, 20, 20, 200, 0.01).n_leaked is None
    assert detection_limit(400, 40, 400, 40, 200, 0.01).n_leaked is None


def test_a_perfect_selection_has_the_smallest_limit():
    """When every selected document was leaked, the fewest that chance cannot explain suffice."""
    limit = detection_limit(400, 60, 50, 50, 200, 0.01)
    assert limit.odds.value == np.inf
    n = limit.n_leaked
    assert hypergeom(340 + n, n, 50).sf(n - 1) < 0.01
    assert power(340, n - 1, 50, np.inf, 0.01) < POWER


def test_odds_intervals_cover():
    """Exact intervals of the odds ratio hold the true one, 3, in at least 95% of draws."""
    rng = np.random.default_rng(4)
    held = []
    for _ in range(150):
        n_located, n_others = rng.binomial(40, 0.3), rng.binomial(360, 0.3 / (0.3 + 0.7 * 3))
        found = selection_odds(400, 40, n_located + n_others, n_located)
        held.append(found.low <= 3 <= found.high)
    assert np.mean(held) >= 0.94


def test_odds_and_power_are_scipys_and_exist_for_large_pools():
    """Estimate, interval and power agree with SciPy's where it can compute them; pools of 6,000 and
    200,000, for which it fails or ends the process, have an odds ratio inside its interval."""
    for n_documents, n_leaked, n_selected in ((200, 40, 30), (50, 45, 20), (10_000, 500, 160)):
        fewest = max(0, n_selected - n_documents + n_leaked)
        for n_located in range(fewest, min(n_leaked, n_selected) + 1, 7):
            found = selection_odds(n_documents, n_leaked, n_selected, n_located)
            left, others = n_leaked - n_located, n_selected - n_located
            table = [[n_located, others], [left, n_documents - n_leaked - others]]
            known = odds_ratio(table, kind="conditional")
            ends = known.confidence_interval(0.95)
            for ours, theirs in (
                (found.value, known.statistic),
                (found.low, ends.low),
                (found.high, ends.high),
            ):
                assert ours == pytest.approx(theirs, rel=1e-6)
    critical = hypergeom.isf(0.05, 1_100, 100, 50)
    assert power(1_000, 100, 50, 3.0, 0.05) == pytest.approx(
        nchypergeom_fisher.sf(critical, 1_100, 100, 50, 3.0), abs=1e-9
    )
    for n_documents in (6_000, 200_000):
        for n_selected in (3, 41, 350, 500):
            for n_located in {0, 1, n_selected // 2, n_selected - 1, n_selected}:
                found = selection_odds(n_documents, 4_000, n_selected, n_located)
                assert found.low <= found.value <= found.high
                limit = detection_limit(n_documents, 4_000, n_selected, n_located, 4_000, 0.05)
                assert limit.n_leaked is None or 0 < limit.n_leaked <= 4_000
