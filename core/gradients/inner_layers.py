"""Per-example gradients of an inner linear layer, from its inputs and back-propagated errors.

A document's gradient of a layer y = W x is g = Σ_t δ_t ⊗ x_t over its positions, where δ is the
gradient at y. As for the last layer (``all_tokens``) it is never formed: alignment and norm are
exact, and a sum of tensor sketches is its projection. Projections of several layers, drawn
independently, add up to one whose inner products estimate the sum of the layers' (ARCHITECTURE §2).
The paper uses the last layer only.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assay.core.gradients.all_tokens import TensorSketch


@dataclass(frozen=True)
class LayerGradients:
    """For n documents, summed over layers.

    alignment ⟨g, target⟩ and squared_norms ‖g‖² (n, float64), projected (n × k, float32).
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
    inputs: Tensor, errors: Tensor, target: Tensor, sketch: TensorSketch
) -> LayerGradients:
    """inputs x (n × T × d), errors δ (n × T × C), target (C × d); float32.

    A bias is a last column of ``target`` whose input is 1. Positions without error, such as
    padding, add nothing.
    """
    mapped = inputs @ target.T
    errors_gram = errors @ errors.mT
    inputs_gram = inputs @ inputs.mT
    n_documents, n_positions, _ = inputs.shape
    return LayerGradients(
        (errors * mapped).sum(dim=(1, 2), dtype=torch.float64),
        (errors_gram * inputs_gram).sum(dim=(1, 2), dtype=torch.float64),
        sketch.of_sums(errors.flatten(0, 1), inputs.flatten(0, 1), [n_positions] * n_documents),
    )
