"""Which function makes which strategy's selection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.maths import selection
from core.maths.features import GradientFeatures
from core.maths.pursuit import select_plus
from core.maths.selection import Selection
from core.specs import Strategy


def make_selection(
    strategy: Strategy,
    features: GradientFeatures,
    pseudolabels: NDArray[np.int64],
    base_losses: NDArray[np.float64],
    budget: int,
    batch_size: int,
    seed: int,
) -> Selection:
    """The selection of one strategy; ``batch_size`` is the final model's."""
    match strategy:
        case Strategy.RANDOM:
            return selection.random(features, budget, seed)
        case Strategy.TOP_K:
            return selection.top_k(features, budget)
        case Strategy.TOP_K_BALANCED:
            return selection.top_k_balanced(features, pseudolabels, budget)
        case Strategy.P_MIN:
            return selection.by_loss(features, base_losses, budget, lowest=True)
        case Strategy.P_MAX:
            return selection.by_loss(features, base_losses, budget, lowest=False)
        case Strategy.SELECT_BATCH:
            return selection.select(features, budget, batch_size)
        case Strategy.SELECT:
            return selection.select(features, budget)
        case Strategy.SELECT_PLUS:
            return select_plus(features, budget)
