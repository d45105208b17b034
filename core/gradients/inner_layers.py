"""Per-example gradients of an inner linear layer, from its inputs and back-propagated errors.

A document's gradient of a layer y = W x is g = Σ_t δ_t ⊗ x_t over its positions, where δ is the
gradient at y. As for the last layer (``all_tokens``) it is never formed: alignment and norm are
exact, and Σ_t R₁δ_t ⊗ R₂x_t is its projection. Projections of several layers, drawn independently,
add up to one whose inner products estimate the sum of the layers' (ARCHITECTURE §2). The paper uses
the last layer only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.core.gradients.projection import random_signs


@dataclass(frozen=True)
class Projection:
    """R₁ (k₁ × C) and R₂ (k₂ × d) on the models' device, float32."""

    errors: Tensor
    hidden: Tensor

    @classmethod
    def draw(
        cls, seed: int, sides: tuple[int, int], shape: Sequence[int], device: str, layer: int
    ) -> Projection:
        """The projection of ``seed`` for a layer of ``shape`` (C × d).

        The signs are the same on every device, and independent between layers.
        """
        left = random_signs(seed, "errors", sides[0], shape[0], layer)
        right = random_signs(seed, "hidden", sides[1], shape[1], layer)
        return cls(*(torch.from_numpy(side).to(device).float() for side in (left, right)))


@dataclass(frozen=True)
class LayerGradients:
    """For n documents, summed over layers.

    alignment ⟨g, target⟩ and squared_norms ‖g‖² (n, float64), projected (n × k₁k₂, float32),
    unscaled.
    """

    alignment: Tensor
    squared_norms: Tensor
    projected: Tensor

    def __add__(self, other: LayerGradients) -> LayerGradients:
        return LayerGradients(
            self.alignment + other.alignment,
            self.squared_norms + other.squared_norms,
            self.projected + other.projected,
        )


def layer_gradients(
    inputs: Tensor, errors: Tensor, target: Tensor, projection: Projection
) -> LayerGradients:
    """inputs x (n × T × d), errors δ (n × T × C), target (C × d); float32.

    A bias is a last column of ``target`` whose input is 1. Positions without error, such as
    padding, add nothing.
    """
    mapped = inputs @ target.T
    errors_gram = errors @ errors.mT
    inputs_gram = inputs @ inputs.mT
    left, right = errors @ projection.errors.T, inputs @ projection.hidden.T
    return LayerGradients(
        (errors * mapped).sum(dim=(1, 2), dtype=torch.float64),
        (errors_gram * inputs_gram).sum(dim=(1, 2), dtype=torch.float64),
        (left.mT @ right).flatten(start_dim=1),
    )
