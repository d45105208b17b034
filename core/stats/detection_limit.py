"""The detection limit: how few leaked documents a selection would still tell from none.

The model. A document that was leaked is as many times as likely to be selected as another, in odds,
as it was in the audit; then the located ones among k selected follow Fisher's noncentral
hypergeometric law (SciPy), and a finding is a count that chance alone would reach with probability
at most ``significance``. Since the odds ratio is an estimate, power is averaged over what it may be
(assurance; O'Hagan et al., 2005): at the estimate alone the limit would be found less often than
promised. Assumed: the odds ratio stays what it was however few are leaked, the other documents of
the pool stay as they are, and k documents are selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.stats import hypergeom, nchypergeom_fisher, norm
from scipy.stats.contingency import odds_ratio

from assay.core.stats.intervals import CONFIDENCE, Interval

POWER = 0.8
# A pool of this many leaked documents stands for any larger one.
_MAX_LEAKED = 100_000
# Odds ratios that stand for all an estimate leaves possible (Gauss and Hermite).
_N_NODES = 15


@dataclass(frozen=True)
class DetectionLimit:
    """``n_leaked``: the fewest that are found with the power wanted, averaged over the odds ratios
    that are possible, and at every larger number up to the one there was or could be; ``at_most``
    and ``at_least`` are the fewest at the ends of the odds ratio's interval. None: not even all of
    them would do."""

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

    def fewest(ratios: Sequence[tuple[float, float]]) -> int | None:
        return _fewest(n_others, n_selected, ratios, most, significance)

    return DetectionLimit(
        odds, fewest(_possible(odds)), fewest([(odds.high, 1.0)]), fewest([(odds.low, 1.0)])
    )


def _possible(odds: Interval) -> list[tuple[float, float]]:
    """Odds ratios with their probabilities: normal in the logarithm, as wide as the interval.

    The estimate alone where the interval has no upper or no lower end.
    """
    if not (odds.low > 0 and np.isfinite(odds.high)):
        return [(odds.value, 1.0)]
    deviation = np.log(odds.high / odds.low) / (2 * norm.ppf((1 + CONFIDENCE) / 2))
    nodes, weights = hermegauss(_N_NODES)
    ratios = odds.value * np.exp(deviation * nodes)
    return list(zip(ratios.tolist(), (weights / weights.sum()).tolist(), strict=True))


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
    # Freezing a distribution writes its documentation: two thirds of the time.
    critical = hypergeom.isf(significance, n_documents, n_leaked, n_selected)
    if critical >= min(n_leaked, n_selected):
        return 0.0
    if not np.isfinite(odds):
        return 1.0
    return float(nchypergeom_fisher.sf(critical, n_documents, n_leaked, n_selected, odds))


def _fewest(
    n_others: int,
    n_selected: int,
    odds: Sequence[tuple[float, float]],
    most: int,
    significance: float,
) -> int | None:
    """The power falls a little wherever the critical count rises by one, so the smallest number
    from which it stays above is sought: from above in steps that double, then one by one."""
    if sum(weight for ratio, weight in odds if ratio > 1) < POWER:
        return None

    def is_found(n_leaked: int) -> bool:
        powers = (
            weight * power(n_others, n_leaked, n_selected, ratio, significance)
            for ratio, weight in odds
        )
        return sum(powers) >= POWER

    trials = np.unique(np.geomspace(1, most, 2 * most.bit_length()).round().astype(int))
    fewest = None
    for trial in trials[::-1].tolist():
        if not is_found(trial):
            break
        fewest = trial
    if fewest is None:
        return None
    while fewest > 1 and is_found(fewest - 1):
        fewest -= 1
    return fewest
