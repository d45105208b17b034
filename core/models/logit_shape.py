"""How some architectures change their logits after the last layer, read from their configurations.

Cohere, Granite and Falcon-H1 scale them: W (s·h) is s · W h, so the scale can be applied to the
states, and the closed form of the gradient still holds. Gemma has a soft cap, ẑ = c · tanh(z / c),
so the error of the last layer is δ = (softmax(ẑ) − onehot(y)) · (1 − (ẑ / c)²).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_MULTIPLIERS = ("logit_scale", "lm_head_multiplier", "output_multiplier")
_DIVISOR = "logits_scaling"
# It multiplies by a value that all others divide by.
_MULTIPLIES_BY_THE_DIVISOR = ("hyperclovax",)


@dataclass(frozen=True)
class LogitShape:
    """``scale`` of the states before the last layer, and soft ``cap`` of its output."""

    scale: float = 1.0
    cap: float | None = None

    @classmethod
    def of(cls, model: Any) -> LogitShape:
        """As given in a causal language model's configuration."""
        config = model.config.get_text_config()
        scale = 1.0
        for name in _MULTIPLIERS:
            scale *= getattr(config, name, None) or 1.0
        divisor = getattr(config, _DIVISOR, None) or 1.0
        if config.model_type in _MULTIPLIES_BY_THE_DIVISOR:
            divisor = 1 / divisor
        return cls(scale / divisor, getattr(config, "final_logit_softcapping", None) or None)

    def states(self, states: Tensor) -> Tensor:
        """What the last layer multiplies, including the scale."""
        return states if self.scale == 1 else states * self.scale

    def logits(self, products: Tensor) -> Tensor:
        """The model's logits, from states (scaled) times the last layer."""
        return products if self.cap is None else self.cap * torch.tanh(products / self.cap)
