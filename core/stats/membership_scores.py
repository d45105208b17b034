"""Membership scores that need no gradient: one document, scored by what both models say about it.

Every score is higher for a document that is more likely to have been trained on. None needs a
gradient, a shadow model or a second fine-tuned model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.core.specs.strategies import Baseline

_Values = NDArray[np.float64]

# Losses below this are rounding: the smallest float32 step below a probability of 1.
_SMALLEST_LOSS = 2.0**-24
_MIN_K_SHARE = 0.2
# As the authors of the method list them in their code; their paper's formula gives other sizes.
_WINDOW_SIZES = (2, 3, 4, 6, 9, 13, 18, 25, 32, 40)
# Fewer wrong tokens than this say nothing (EZ-MIA's released code).
_FEWEST_ERRORS = 2


@dataclass(frozen=True)
class TokenEvidence:
    """What both models say about the T target tokens of a document.

    base, final (T): log-probabilities of the tokens, nats. mean, deviation (T): of the final
    model's log-probability over its vocabulary, weighted by its probabilities. is_error (T):
    whether the final model's likeliest token is a different one. n_compressed: bytes of the scored
    text under zlib.
    """

    base: _Values
    final: _Values
    mean: _Values
    deviation: _Values
    is_error: NDArray[np.bool_]
    n_compressed: int


def token_scores(evidence: TokenEvidence) -> dict[Baseline, float]:
    """The scores of a document that a language model reads.

    Final loss (Yeom et al., 2018): minus the mean loss under the final model. Loss ratio: mean loss
    under the base model divided by that under the final model. zlib (Carlini et al., 2021): the
    final loss divided by the compressed size. The others have functions of their own.
    """
    final_loss = max(float(-evidence.final.mean()), _SMALLEST_LOSS)
    return {
        Baseline.FINAL_LOSS: -final_loss,
        Baseline.LOSS_RATIO: float(-evidence.base.mean()) / final_loss,
        Baseline.MIN_K: min_k_plus_plus(evidence),
        Baseline.ZLIB: -final_loss / evidence.n_compressed,
        Baseline.ERROR_ZONE: error_zone(evidence),
        Baseline.WINDOWS: window_votes(evidence.final - evidence.base),
    }


def label_scores(base_losses: _Values, final_probabilities: _Values) -> dict[Baseline, _Values]:
    """The scores of n documents that a classifier labels, (n) each.

    base_losses: nats, of the final model's own label under the base model; final_probabilities: of
    the same label under the final model. An outsider does not know the true label, so the final
    model's label is used; where it is wrong, so are these scores. Confidence gain: how much more
    probable the label has become.
    """
    final_losses = np.maximum(-np.log(final_probabilities), _SMALLEST_LOSS)
    return {
        Baseline.FINAL_LOSS: -final_losses,
        Baseline.LOSS_RATIO: base_losses / final_losses,
        Baseline.CONFIDENCE_GAIN: final_probabilities - np.exp(-base_losses),
    }


def min_k_plus_plus(evidence: TokenEvidence) -> float:
    """Min-K%++ (Zhang et al., 2024, arXiv 2404.02936) of the final model, k = 20%.

    The mean of the lowest fifth of (log p − mean) / deviation. At least one token counts; the
    authors' code uses none for texts of fewer than five.
    """
    spread = np.maximum(evidence.deviation, 1e-12)
    standardised = np.sort((evidence.final - evidence.mean) / spread)
    return float(standardised[: max(1, int(_MIN_K_SHARE * len(standardised)))].mean())


def error_zone(evidence: TokenEvidence) -> float:
    """EZ-MIA (Ilić et al., 2026, arXiv 2601.12104): whether the final model rates true tokens
    higher than the base does, where it still gets them wrong.

    P: the rises of the log-probability over the tokens at which the final model's likeliest token
    is another, summed; N: the falls. As in the released code (``error_zone_pos_neg_sum_ratio``),
    the first token that is predicted does not count, and a document with fewer than two wrong
    tokens ranks last, with 0. The others rank by P / N, here P / (P + N). Where nothing fell,
    paper and code part: the code gives 0, the paper calls the document a member. LeakPro's port
    follows the paper and breaks ties by P, and so does this, with 1 + P / (1 + P); a document on
    which both models agree exactly has ½.
    """
    shifts = (evidence.final - evidence.base)[1:][evidence.is_error[1:]]
    if len(shifts) < _FEWEST_ERRORS:
        return 0.0
    rises, falls = float(shifts[shifts > 0].sum()), float(-shifts[shifts < 0].sum())
    if not rises and not falls:
        return 0.5
    return rises / (rises + falls) if falls else 1 + rises / (1 + rises)


def window_votes(shifts: _Values) -> float:
    """WBC (Chen et al., 2026, arXiv 2601.02751): the share of windows that the final model predicts
    better, averaged over window sizes.

    shifts (T): final − base log-probability; a window votes where its sum is above zero. Sizes are
    those of the released code (github.com/Stry233/WBC, as LeakPro's port quotes it): the paper's
    formula, round(2 · 20^(k/9)), gives 2 3 4 5 8 11 15 21 29 40. As in that code, a size that is
    longer than the document is cut to its length, so that every size votes.
    """
    sums = np.concatenate([[0.0], np.cumsum(shifts)])
    sizes = [min(size, len(shifts)) for size in _WINDOW_SIZES]
    return float(np.mean([np.mean(sums[size:] - sums[:-size] > 0) for size in sizes]))
