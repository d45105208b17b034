"""A causal model's body and its output layer, separately."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from assay.core.models.logit_shape import LogitShape
from assay.core.models.text_model import with_bias
from assay.core.runtime.device import Compute


def last_states(model: Any, compute: Compute, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """What a causal model's output layer multiplies, (n × tokens × width), float32.

    The states already include a scale of the logits.
    """
    # If a model is part of a larger one (Llama 4's text), its own prefix is not the name of a part.
    body = model.model if model.base_model is model else model.base_model
    with compute.autocast():
        states = body(input_ids=token_ids, attention_mask=attention_mask).last_hidden_state.float()
    has_bias = getattr(model.get_output_embeddings(), "bias", None) is not None
    return LogitShape.of(model).states(with_bias(states) if has_bias else states)


def output_rows(model: Any) -> Tensor:
    """A causal model's output layer, (V × d) or (V × d+1) with its bias, float32."""
    output = model.get_output_embeddings()
    weight = output.weight.float()
    bias = getattr(output, "bias", None)
    return weight if bias is None else torch.cat([weight, bias.float()[:, None]], dim=1)
