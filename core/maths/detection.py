"""The detection limit: how few leaked documents a selection would still tell from none.

The model. A document that was leaked is as many times as likely to be selected as another, in odds,
as it was in the audit; then the located ones among k selected follow Fisher's noncentral
hypergeometric law (SciPy), and a finding is a count that chance alone would reach with probability
at most ``significance``. Assumed: the odds ratio stays what was measured however few are leaked,
the other documents of the pool stay as they are, and k documents are selected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom, nchypergeom_fisher
from scipy.stats.contingency import odds_ratio

from core.maths.located import CONFIDENCE, Interval

POWER = 0.8
# A pool of this many leaked documents stands for any larger one.
_MAX_LEAKED = 100_000


@dataclass(frozen=True)
class DetectionLimit:
    """``n_leaked``: the fewest that are found with the power wanted, and at every larger number up
    to the one there was or could be; ``at_most`` and ``at_least`` are the same at the ends of the
    odds ratio's interval. None: not even all of them would do."""

    odds: Interval
    n_leaked: int | None
    at_least: int | None
    at_most: int | None


def detection_limit(
    n_documents: int,
    n_leaked: int,
    n_selected: int,
    n_located: int,
    n_possible: int,
    significance: float,
) -> DetectionLimit:
    """Of a pool of N with K leaked documents, of which x are among k selected (an audit's counts).

    ``n_possible``: how many could have been leaked, the most that is tried.
    """
    if not 0 < n_selected < n_documents or not 0 < n_leaked < n_documents:
        return DetectionLimit(Interval(1.0, 0.0, float("inf")), None, None, None)
    odds = selection_odds(n_documents, n_leaked, n_selected, n_located)
    n_others = n_documents - n_leaked
    most = min(n_possible, _MAX_LEAKED)

    def fewest(ratio: float) -> int | None:
        return _fewest(n_others, n_selected, ratio, most, significance)

    return DetectionLimit(odds, fewest(odds.value), fewest(odds.high), fewest(odds.low))


def selection_odds(n_documents: int, n_leaked: int, n_selected: int, n_located: int) -> Interval:
    """The odds of being selected if leaked over those if not: Fisher's conditional estimate and
    its exact interval (SciPy)."""
    n_chosen_others, n_left = n_selected - n_located, n_leaked - n_located
    table = [[n_located, n_chosen_others], [n_left, n_documents - n_leaked - n_chosen_others]]
    found = odds_ratio(table, kind="conditional")
    interval = found.confidence_interval(CONFIDENCE)
    return Interval(float(found.statistic), float(interval.low), float(interval.high))


def power(n_others: int, n_leaked: int, n_selected: int, odds: float, significance: float) -> float:
    """The chance that n_selected of n_others + n_leaked documents hold significantly many leaked
    ones, where the odds of a leaked one are ``odds`` times the others'."""
    n_documents = n_others + n_leaked
    critical = hypergeom(n_documents, n_leaked, n_selected).isf(significance)
    if critical >= min(n_leaked, n_selected):
        return 0.0
    if not np.isfinite(odds):
        return 1.0
    return float(nchypergeom_fisher(n_documents, n_leaked, n_selected, odds).sf(critical))


def _fewest(
    n_others: int, n_selected: int, odds: float, most: int, significance: float
) -> int | None:
    """The power falls a little wherever the critical count rises by one, so the smallest number
    from which it stays above is sought: doubling from below, then one by one."""
    if odds <= 1:
        return None

    def is_found(n_leaked: int) -> bool:
        return power(n_others, n_leaked, n_selected, odds, significance) >= POWER

    trials = np.unique(np.geomspace(1, most, 2 * most.bit_length()).round().astype(int))
    found = [int(n) for n in trials if is_found(int(n))]
    if not found or found[-1] != most:
        return None
    missed = [int(n) for n in trials if n not in set(found)]
    last_missed = missed[-1] if missed else 0
    for n_leaked in range(min(n for n in found if n > last_missed), last_missed, -1):
        if not is_found(n_leaked):
            return n_leaked + 1
    return last_missed + 1
