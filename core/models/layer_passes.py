"""What goes into inner linear layers and what comes back, by one backward pass per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.core.errors import InputError
from assay.core.models.examples import Example
from assay.core.models.linear_layers import watching
from assay.core.models.text_model import TextModel


@dataclass(frozen=True)
class LayerPass:
    """A layer's inputs (n × T × d) and its errors, the loss' gradients at its outputs (n × T × C),
    of n documents; float32. Inputs end with a 1 if the layer has a bias."""

    name: str
    inputs: Tensor
    errors: Tensor


def layer_passes(
    model: TextModel, names: Sequence[str], batch: Sequence[Example]
) -> tuple[Tensor, list[LayerPass]]:
    """Losses summed over targets (n, nats), and every named layer's pass.

    InputError if a layer does not process documents separately.
    """
    with torch.enable_grad(), watching(model.model, tuple(names)) as passed:
        losses, _ = model.answers(batch)
    outputs = [output for calls in passed.values() for _, output in calls]
    errors = iter(torch.autograd.grad(losses.sum(), outputs))
    layers = []
    device = model.compute.device  # a layer of a model that is split may be elsewhere
    with torch.inference_mode():
        for name, calls in passed.items():
            # A layer that is used twice has one gradient: its positions are concatenated.
            states = [_by_document(inputs.to(device), len(batch), name) for inputs, _ in calls]
            deltas = [
                _by_document(next(errors).float().to(device), len(batch), name) for _ in calls
            ]
            layers.append(LayerPass(name, torch.cat(states, dim=1), torch.cat(deltas, dim=1)))
    return losses.detach(), layers


def _by_document(states: Tensor, n_documents: int, name: str) -> Tensor:
    """States as (documents × positions × width)."""
    if states.shape[0] != n_documents:
        raise InputError(
            "layers that process documents separately",
            f"{name!r}, which gets {states.shape[0]:,} rows for {n_documents} documents",
            "choose other --gradient-layers, and remove --strategy layer-match",
        )
    return states.reshape(n_documents, -1, states.shape[-1])
