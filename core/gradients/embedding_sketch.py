"""Gradients of input embeddings, small enough to keep and to select from.

A document's gradient has one row for each of its tokens and nothing elsewhere. Both sides are
projected: the rows of all tokens are hashed into a few buckets, each with a random sign (a count
sketch, Charikar et al. 2002), and what a row holds is projected by random signs. Inner products of
what is kept estimate those of the gradients without bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assay.core.gradients.projection import random_order, random_signs

N_BUCKETS, N_DIRECTIONS = 32, 64
_SEED = 0


@dataclass(frozen=True)
class EmbeddingSketch:
    """buckets (V, int64), signs (V): of each token; directions (d × N_DIRECTIONS)."""

    buckets: Tensor
    signs: Tensor
    directions: Tensor

    @classmethod
    def draw(cls, n_tokens: int, width: int, device: str | torch.device) -> EmbeddingSketch:
        """The same for every run and device."""
        order = torch.from_numpy(random_order(_SEED, "errors", n_tokens))
        signs = torch.from_numpy(random_signs(_SEED, "errors", 1, n_tokens)[0])
        directions = torch.from_numpy(random_signs(_SEED, "hidden", N_DIRECTIONS, width).T.copy())
        return cls(
            (order % N_BUCKETS).to(device),
            signs.float().to(device),
            (directions.float() / N_DIRECTIONS**0.5).to(device),
        )

    def of(self, gradients: Tensor, tokens: Tensor, documents: Tensor, n_documents: int) -> Tensor:
        """(n_documents × N_BUCKETS · N_DIRECTIONS) of gradients (r × d) at tokens (r) of documents
        (r, below ``n_documents``)."""
        rows = (gradients @ self.directions) * self.signs[tokens][:, None]
        places = documents * N_BUCKETS + self.buckets[tokens]
        sums = gradients.new_zeros(n_documents * N_BUCKETS, N_DIRECTIONS)
        sums.index_add_(0, places, rows)
        return sums.reshape(n_documents, N_BUCKETS * N_DIRECTIONS)
