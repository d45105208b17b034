"""What strategies choose documents by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from assay.core.gradients.features import GradientFeatures
from assay.core.specs.strategies import BY_OWN_SCORE, Strategy


@dataclass(frozen=True)
class SelectionInputs:
    """What is known about n documents; each strategy reads what it needs.

    pseudolabels (n, int64, -1 without one); base_losses (n, float64, nats); own_scores: of
    strategies that rank by one number a document (``BY_OWN_SCORE``), (n) each; embedding_features:
    gradients at the input embeddings, None where none were taken.
    """

    features: GradientFeatures
    pseudolabels: NDArray[np.int64]
    base_losses: NDArray[np.float64]
    own_scores: Mapping[Strategy, NDArray[np.float64]] = field(default_factory=dict)
    embedding_features: GradientFeatures | None = None

    @property
    def n_documents(self) -> int:
        return self.features.n_documents

    def allow(self, strategy: Strategy) -> bool:
        """Whether what the strategy needs is known."""
        if strategy is Strategy.EMBEDDING_SELECT:
            return self.embedding_features is not None
        return strategy not in BY_OWN_SCORE or strategy in self.own_scores

    def scores_of(self, strategy: Strategy) -> NDArray[np.float64]:
        """Its own score of each document, (n). ValueError if there is none."""
        if strategy not in self.own_scores:
            raise ValueError(f"no document has a score of {strategy.shown_as}")
        return self.own_scores[strategy]

    def features_of(self, strategy: Strategy) -> GradientFeatures:
        """The gradients that it compares. ValueError if they are missing."""
        if strategy is not Strategy.EMBEDDING_SELECT:
            return self.features
        if self.embedding_features is None:
            raise ValueError("no gradients at the input embeddings")
        return self.embedding_features
