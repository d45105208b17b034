"""Whether linear layers moved along the gradients at a document's own tokens.

A token's gradient of a layer y = W x is δ xᵀ, where δ is the gradient at y. In the sum over all
tokens that training read, one token's part is small beside the directions that tokens share, which
moved most. So the movement is preconditioned as in K-FAC (Martens and Grosse 2015): with A and B
the second moments of inputs and of errors, B⁻¹ (W_base − W_final) A⁻¹ is the matched filter for one
token's gradient in a sum of many.

A document that is only like training documents shares some of its tokens' directions with them,
and there the agreement is large. A training document agrees at nearly all of its tokens. So a
single token's agreement counts for little more than its sign.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Added to the eigenvalues of second moments, in units of their mean. Measured on SmolLM2: 0.01
# and 0.001 find as many documents.
_RIDGE = 0.003
# The agreement of a token, averaged over layers, beyond which it counts hardly more. Unrelated
# directions agree by about 1 in each layer.
_LIMIT = 0.1
# Of the mean length of errors: shorter ones are rounding, such as at a first token's queries, whose
# gradient is zero because it attends to itself alone.
_SHORTEST_ERROR = 1e-5
_TINY = 1e-30


@dataclass(frozen=True)
class LayerFilter:
    """A layer's preconditioned movement (C × d), and the shortest error that has a direction."""

    preconditioned: Tensor
    shortest: float

    def agreements(self, inputs: Tensor, errors: Tensor) -> Tensor:
        """⟨δ xᵀ, preconditioned⟩ / (‖δ‖ ‖x‖) of N tokens, (N) float32.

        inputs x (N × d), errors δ (N × C). Positive where descent along the token's gradient goes
        the way that the layer moved. 0 for a token without error or input.
        """
        along = _directions(errors, self.shortest) @ self.preconditioned
        return (along * _directions(inputs)).sum(dim=1)


@dataclass
class Moments:
    """Sums over tokens of x xᵀ (d × d), δ δᵀ (C × C) and ‖δ‖ of one layer, float32.

    Only directions count, x / ‖x‖ and δ / ‖δ‖, so that no surprising token decides alone.
    """

    inputs: Tensor
    errors: Tensor
    lengths: float = 0.0
    n_tokens: int = 0

    @staticmethod
    def none(movement: Tensor) -> Moments:
        """Of no token, for a layer that moved by ``movement`` (C × d)."""
        n_outputs, n_inputs = movement.shape
        return Moments(
            movement.new_zeros(n_inputs, n_inputs), movement.new_zeros(n_outputs, n_outputs)
        )

    def add(self, inputs: Tensor, errors: Tensor) -> None:
        """Count tokens with inputs (N × d) and errors (N × C)."""
        self.lengths += float(errors.norm(dim=1).sum())
        self.n_tokens += len(errors)
        inputs, errors = _directions(inputs), _directions(errors, self._shortest)
        self.inputs.addmm_(inputs.T, inputs)
        self.errors.addmm_(errors.T, errors)

    def filter(self, movement: Tensor) -> LayerFilter:
        """(B + ridge)⁻¹ · movement · (A + ridge)⁻¹ for base − final weights (C × d).

        Scaled so that its product with unrelated directions u vᵀ, drawn with these moments, has a
        root mean square of 1. Zeros if no token was counted or none had an error.
        """
        if not self.lengths:
            return LayerFilter(torch.zeros_like(movement), 0.0)
        made = _inverse(self.errors) @ (movement / movement.norm()) @ _inverse(self.inputs)
        square = ((self.errors @ made @ self.inputs) * made).sum()
        scale = self.n_tokens / square.sqrt().clamp_min(_TINY)
        return LayerFilter(made * scale, self._shortest)

    @property
    def _shortest(self) -> float:
        return _SHORTEST_ERROR * self.lengths / max(self.n_tokens, 1)


def document_scores(agreements: Tensor, of_document: Tensor, n_documents: int) -> Tensor:
    """Mean over each document's tokens, (n, float64 in [−1, 1]), each smoothly limited to ±1.

    agreements (N): of tokens, averaged over layers; of_document (N, int64). 0 for a document
    without tokens.
    """
    limited = torch.tanh(agreements.double() / _LIMIT)
    sums = limited.new_zeros(n_documents).index_add_(0, of_document, limited)
    counts = torch.bincount(of_document, minlength=n_documents)
    return sums / counts.clamp_min(1)


def _inverse(moment: Tensor) -> Tensor:
    ridged = moment.double()
    ridged.diagonal().add_(_RIDGE * ridged.diagonal().mean())
    return torch.cholesky_inverse(torch.linalg.cholesky(ridged)).to(moment.dtype)


def _directions(rows: Tensor, shortest: float = 0.0) -> Tensor:
    """Rows scaled to length one; those below ``shortest`` stay shorter."""
    return rows / rows.norm(dim=1, keepdim=True).clamp_min(max(shortest, _TINY))
