"""The detection limit: the smallest number of leaked documents that a selection would detect.

The model: the odds of being selected are higher for a leaked document than for another by the same
factor as in the audit. Then the number of located documents among k selected has Fisher's
noncentral hypergeometric distribution, and a leak is detected if chance alone would reach
the count with probability at most ``significance``. The odds ratio is an estimate, so power is
averaged over its possible values (assurance; O'Hagan et al., 2005); at the estimate alone, the
power would be lower than promised. Assumptions: the odds ratio does not depend on how many
documents are leaked, the other documents of the pool stay the same, and k documents are selected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, softmax
from scipy.stats import hypergeom, norm

from assay.core.stats.intervals import CONFIDENCE, Interval

POWER = 0.8
# A pool with this many leaked documents stands for any larger one.
_MAX_LEAKED = 100_000
# Odds ratios that represent all that the estimate leaves possible (Gauss–Hermite).
_N_NODES = 15
# Odds ratios beyond these, e^±60, count as 0 and infinite.
_LOG_ODDS = -60.0, 60.0


@dataclass(frozen=True)
class DetectionLimit:
    """``n_leaked``: the smallest number that is detected with the required power.

    The power is averaged over the possible odds ratios, and also holds for every larger number up
    to the largest possible. ``at_most`` and ``at_least`` are the numbers at the ends of the odds
    ratio's interval. None: even all of them would not be detected.
    """

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
    """For a pool of N with K leaked documents, x of which are among k selected (an audit's counts).

    ``n_possible``: how many could have been leaked, the largest number that is tried.
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
    """Odds ratios with their probabilities: log-normal, as wide as the interval.

    Only the estimate if the interval is open at one end.
    """
    if not (odds.low > 0 and np.isfinite(odds.high)):
        return [(odds.value, 1.0)]
    deviation = np.log(odds.high / odds.low) / (2 * norm.ppf((1 + CONFIDENCE) / 2))
    nodes, weights = hermegauss(_N_NODES)
    ratios = odds.value * np.exp(deviation * nodes)
    return list(zip(ratios.tolist(), (weights / weights.sum()).tolist(), strict=True))


def selection_odds(n_documents: int, n_leaked: int, n_selected: int, n_located: int) -> Interval:
    """The odds of being selected for a leaked document, divided by those for others.

    Fisher's conditional estimate and its exact interval, as ``scipy.stats.contingency.odds_ratio``
    has them, which fails for large pools.
    """
    counts, weights = _log_weights(n_documents - n_leaked, n_leaked, n_selected)
    tail = (1 - CONFIDENCE) / 2
    at = int(np.searchsorted(counts, n_located))

    def solved(excess: Callable[[NDArray[np.float64]], float]) -> float:
        """The odds at which a function of the counts' chances, which grows with them, is zero."""
        return float(np.exp(brentq(lambda log: excess(_chances(weights, counts, log)), *_LOG_ODDS)))

    is_lowest, is_highest = at == 0, at == len(counts) - 1
    if is_lowest or is_highest:
        value = 0.0 if is_lowest else np.inf
    else:
        value = solved(lambda chances: float(chances @ counts) - n_located)
    low = 0.0 if is_lowest else solved(lambda chances: float(chances[at:].sum()) - tail)
    high = np.inf if is_highest else solved(lambda chances: tail - float(chances[: at + 1].sum()))
    return Interval(value, low, float(high))


def power(n_others: int, n_leaked: int, n_selected: int, odds: float, significance: float) -> float:
    """The probability that a selection contains significantly many leaked documents.

    The odds of a leaked document are ``odds`` times those of the others.
    """
    n_documents = n_others + n_leaked
    # Freezing a distribution generates its documentation, which takes two thirds of the time.
    critical = hypergeom.isf(significance, n_documents, n_leaked, n_selected)
    if critical >= min(n_leaked, n_selected):
        return 0.0
    if not np.isfinite(odds):
        return 1.0
    counts, weights = _log_weights(n_others, n_leaked, n_selected)
    log_odds = np.log(odds) if odds > 0 else _LOG_ODDS[0]
    return float(_chances(weights, counts, log_odds)[counts > critical].sum())


def _log_weights(
    n_others: int, n_leaked: int, n_selected: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The possible numbers of leaked documents among those selected, and the logarithm of how many
    selections have each."""
    counts = np.arange(max(0, n_selected - n_others), min(n_leaked, n_selected) + 1)
    weights = _log_choose(n_leaked, counts) + _log_choose(n_others, n_selected - counts)
    return counts, weights


def _log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return found


def _chances(
    weights: NDArray[np.float64], counts: NDArray[np.int64], log_odds: float
) -> NDArray[np.float64]:
    """Of each number, by Fisher's noncentral hypergeometric distribution."""
    chances: NDArray[np.float64] = softmax(weights + counts * log_odds)
    return chances


def _fewest(
    n_others: int,
    n_selected: int,
    odds: Sequence[tuple[float, float]],
    most: int,
    significance: float,
) -> int | None:
    """The smallest number from which the power stays sufficient.

    The power falls slightly wherever the critical count rises by one, so the search goes down from
    above, in steps that double, then one by one.
    """
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
