"""How strongly a document stands out from held-out ones: conformal p-values and q-values.

A held-out document is one that was certainly not trained on. A document's p-value is the share of
held-out documents with at least its score. q-values control the share of false positives among all
documents that are called trained on (Benjamini and Hochberg), which also holds for conformal
p-values (Bates, Candès, Lei, Romano and Sesia 2023). Both assume that untrained documents come from
the same distribution as the held-out ones; they say nothing about documents of another domain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are first used, see stats/intervals.py
from numpy.typing import NDArray


@dataclass(frozen=True)
class HeldOutTest:
    """p_values and q_values of n documents, (n, float64); NaN for the held-out ones themselves."""

    p_values: NDArray[np.float64]
    q_values: NDArray[np.float64]


def against_held_out(scores: NDArray[np.float64], is_held_out: NDArray[np.bool_]) -> HeldOutTest:
    """``scores`` (n): higher means more likely trained on. ValueError if nothing was held out."""
    held_out = np.sort(scores[is_held_out])
    if not len(held_out):
        raise ValueError("no held-out documents to compare with")
    n_as_high = len(held_out) - np.searchsorted(held_out, scores, side="left")
    p_values = np.where(is_held_out, np.nan, (1 + n_as_high) / (1 + len(held_out)))
    q_values = np.full(len(scores), np.nan)
    q_values[~is_held_out] = scipy.stats.false_discovery_control(p_values[~is_held_out])
    return HeldOutTest(p_values, q_values)
