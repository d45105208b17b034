"""The last layer's per-example gradient in closed form, never materialised.

For one scored position with hidden state h and logits z = W h, the gradient of the cross-entropy
with respect to W is δ ⊗ h, δ = softmax(z) − onehot(y). The pair (δ, h) is the gradient
(ARCHITECTURE §2). A bias is a further column of W whose hidden value is 1.
"""

from __future__ import annotations

import torch
from torch import Tensor


def logit_errors(logits: Tensor, labels: Tensor, cap: float | None = None) -> Tensor:
    """δ = softmax(z) − onehot(y): logits (n × C, float), labels (n, int64) → (n × C, float32).

    Logits with a soft cap, z = cap · tanh(Wh / cap), have the additional factor 1 − (z / cap)².
    """
    logits = logits.float()
    errors = logits.softmax(dim=-1)
    errors = errors.scatter_add(
        -1, labels[:, None], torch.full_like(errors[:, :1], -1.0).expand(len(labels), 1)
    )
    return errors if cap is None else errors * (1 - (logits / cap) ** 2)


def weight_difference_target(base_head: Tensor, final_head: Tensor) -> Tensor:
    """The direction of descent gradients: base − final of the last layer (C × d, float32).

    A descent step moves weights along −gradient, so documents whose gradient aligns with base −
    final move the base towards the final model.
    """
    return base_head.float() - final_head.float()
