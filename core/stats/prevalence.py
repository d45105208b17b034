"""How many documents of a pool were trained on.

Estimated from how many a score flags, corrected for false positives and for training documents that
it misses (Rogan and Gladen, 1978).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep

from assay.core.stats.intervals import CONFIDENCE, Interval

_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Flagged:
    """How many documents a score flags, and of how many."""

    n_flagged: int
    n: int

    @property
    def share(self) -> float:
        return self.n_flagged / self.n


def prevalence(asked: Flagged, trained: Flagged, held_out: Flagged) -> Interval | None:
    """π = (flagged share − false positive rate) / (true − false positive rate), clipped to 0 … 1.

    ``asked``: documents of unknown role; ``trained`` and ``held_out``: others of known role, which
    give the two rates. It assumes that the documents in question score like the known ones of their
    role. The interval is that of Lang and Reiczigel (2014), which allows for all three shares being
    estimates. None if the score does not clearly distinguish training from held-out documents
    (Newcombe's 95% interval of the difference of the two rates reaches 0): then any prevalence is
    possible.
    """
    if _reach_of_difference(trained, held_out) <= 0:
        return None
    value = (asked.share - held_out.share) / (trained.share - held_out.share)
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    n_found, n_held = trained.n + 2, held_out.n + 2
    sensitivity = (trained.n_flagged + 1) / n_found
    mistaken = (held_out.n_flagged + 1) / n_held
    n_asked = asked.n + z**2
    apparent = (asked.n_flagged + z**2 / 2) / n_asked
    youden = sensitivity - mistaken
    centre = (apparent - mistaken) / youden
    of_found = sensitivity * (1 - sensitivity) / n_found
    of_mistaken = mistaken * (1 - mistaken) / n_held
    shift = 2 * z**2 * (centre * of_found - (1 - centre) * of_mistaken)
    variance = (
        apparent * (1 - apparent) / n_asked + centre**2 * of_found + (1 - centre) ** 2 * of_mistaken
    )
    reach = z * variance**0.5 / youden
    low, high = centre + shift - reach, centre + shift + reach
    cut = [min(1.0, max(0.0, bound)) for bound in (value, low, high)]
    return Interval(cut[0], min(cut[0], cut[1]), max(cut[0], cut[2]))


def flag(scores: _Scores, held_out: _Scores, mistaken_share: float) -> NDArray[np.bool_]:
    """Which scores are above all but this share of the held-out ones."""
    place = int(mistaken_share * len(held_out))
    flagged: NDArray[np.bool_] = scores > np.sort(held_out)[::-1][place]
    return flagged


def _reach_of_difference(trained: Flagged, held_out: Flagged) -> float:
    """The lower end of the interval of the true minus the false positive rate."""
    low, _ = confint_proportions_2indep(
        trained.n_flagged,
        trained.n,
        held_out.n_flagged,
        held_out.n,
        method="newcomb",
        compare="diff",
        alpha=1 - CONFIDENCE,
    )
    return float(low)
