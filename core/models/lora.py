"""Training with LoRA: few weights are trained, and merged into the model's own afterwards.

Embeddings, norms and biases stay as they are; a classifier's head is trained whole.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from assay.core.models.classifier import SequenceClassifier
from assay.core.models.linear_layers import linear_layers
from assay.core.models.loading_report import is_of_head
from assay.core.models.text_model import TextModel
from assay.core.specs.training import LORA_ALPHA, LORA_RANK

_ADAPTER = re.compile(r"\.lora_[AB]\.")


@contextmanager
def with_lora(model: TextModel, new: Container[str], seed: int) -> Iterator[None]:
    """Train ``model`` with LoRA inside; afterwards it is a plain model with the merged weights.

    ``new``: tensors that the base has no weights for, trained whole; ``seed`` draws the adapter.
    """
    inner = model.model
    was_trained = {name: one.requires_grad for name, one in inner.named_parameters()}
    whole = _of_head(model, new)
    adapted = _adapted(inner, _adapted_layers(model, whole), seed)
    for name, parameter in inner.named_parameters():
        if name in whole:
            parameter.requires_grad_(True)
    try:
        yield
    finally:
        adapted.merge_and_unload(progressbar=False)
        for name, parameter in inner.named_parameters():
            parameter.requires_grad_(was_trained[name])


def is_of_adapter(name: str) -> bool:
    """Whether a parameter belongs to the adapter, by its name."""
    return _ADAPTER.search(name) is not None


def _adapted(model: Any, layers: list[str], seed: int) -> Any:
    """PEFT's model around ``model``, which it changes in place."""
    from peft import LoraConfig, LoraModel

    config = LoraConfig(
        r=LORA_RANK,
        lora_alpha=LORA_ALPHA,
        # A list of names would also match longer names that end alike.
        target_modules="|".join(map(re.escape, layers)),
    )
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", message="fan_in_fan_out")  # it corrects itself
        torch.manual_seed(seed)
        return LoraModel(model, config, "default")


def _of_head(model: TextModel, new: Container[str]) -> set[str]:
    """Parameters of a classifier's head, by name; a label word's row is not a head."""
    if not isinstance(model, SequenceClassifier):
        return set()
    return {
        name
        for name, _ in model.model.named_parameters()
        if name in new
        or is_of_head(name, model.model)
        or name.rpartition(".")[0] == model.head_name
    }


def _adapted_layers(model: TextModel, whole: set[str]) -> list[str]:
    """Names of the linear layers that get an adapter: none whose weights a whole part, the input
    embeddings or the output layer holds."""
    inner = model.model
    embeddings = (inner.get_input_embeddings(), inner.get_output_embeddings())
    kept = [getattr(own, "weight", None) for own in embeddings]
    return [
        name
        for name, layer in linear_layers(model)
        if f"{name}.weight" not in whole and not any(layer.weight is one for one in kept)
    ]
