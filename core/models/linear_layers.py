"""The linear layers inside a transformer: their names, weights, inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from assay.core.errors import InputError
from assay.core.models.text_model import TextModel, with_bias
from assay.core.specs.audit import GradientLayers

Passed = dict[str, list[tuple[Tensor, Tensor]]]


def inner_layers(base: TextModel, final: TextModel, which: GradientLayers) -> tuple[str, ...]:
    """Names of the linear layers that ``which`` refers to, in order; never the last layer.

    InputError if none of them moved in fine-tuning. Embeddings and norms are not linear layers.
    """
    names = [name for name, _ in linear_layers(base)]
    if which is GradientLayers.LAST_BLOCK:
        block = _blocks(base.model, "use --gradient-layers changed")[-1]
        names = [name for name in names if name.startswith(block)]
    moved = _moved(names, base, final)
    if not moved:
        where = "the last block" if which is GradientLayers.LAST_BLOCK else "the model"
        raise InputError(
            f"linear layers of {where} that changed in fine-tuning",
            "none before the last layer",
            "choose other --gradient-layers",
        )
    return tuple(names if which is GradientLayers.LAST_BLOCK else moved)


def moved_layers(base: TextModel, final: TextModel, n_blocks: int) -> tuple[str, ...]:
    """Names of the linear layers that moved, of ``n_blocks`` blocks in which any did, in order.

    The blocks are evenly spaced. InputError if no layer of any block moved.
    """
    advice = "remove --strategy layer-match"
    in_block: dict[str, list[str]] = {}
    blocks = _blocks(base.model, advice)
    for name in _moved([name for name, _ in linear_layers(base)], base, final):
        own = next((block for block in blocks if name.startswith(block)), None)
        if own is not None:
            in_block.setdefault(own, []).append(name)
    if not in_block:
        raise InputError(
            "a final model whose linear layers were trained",
            "unchanged ones in every transformer block",
            advice,
        )
    places = np.linspace(0, len(in_block) - 1, min(n_blocks, len(in_block))).round().astype(int)
    chosen = list(in_block.values())
    return tuple(name for place in places for name in chosen[place])


def _moved(names: Sequence[str], base: TextModel, final: TextModel) -> list[str]:
    return [
        name
        for name in names
        if not torch.equal(layer_weight(base, name), layer_weight(final, name))
    ]


def layer_weight(model: TextModel, name: str) -> Tensor:
    """A linear layer's weights, (outputs × inputs), its bias as the last column; float32."""
    layer = model.model.get_submodule(name)
    assert isinstance(layer, (nn.Linear, Conv1D))
    weight = model.parameter(f"{name}.weight").float()
    rows = weight.T if isinstance(layer, Conv1D) else weight
    if layer.bias is None:
        return rows
    return torch.cat([rows, model.parameter(f"{name}.bias").float()[:, None]], dim=1)


@contextmanager
def watching(model: nn.Module, names: tuple[str, ...]) -> Iterator[Passed]:
    """Collects the inputs and outputs of each named layer, one pair per call.

    Inputs get a last column of ones if the layer has a bias; outputs keep their graph.
    """
    passed: Passed = {name: [] for name in names}
    hooks = [
        model.get_submodule(name).register_forward_hook(_recorder(passed[name])) for name in names
    ]
    try:
        yield passed
    finally:
        for hook in hooks:
            hook.remove()


def _recorder(calls: list[tuple[Tensor, Tensor]]) -> Any:
    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        states = inputs[0].detach().float()
        calls.append((with_bias(states) if layer.bias is not None else states, output))

    return record


def linear_layers(model: TextModel) -> Iterator[tuple[str, nn.Module]]:
    """All but the last layer, each with its name."""
    for name, module in model.model.named_modules():
        if isinstance(module, (nn.Linear, Conv1D)) and module is not model.last_layer():
            yield name, module


def _blocks(model: nn.Module, advice: str) -> list[str]:
    """The prefixes of the names in each transformer block: the items of the longest list.

    InputError, with ``advice``, if there is none.
    """
    lists = {
        name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)
    }
    if not lists:
        raise InputError(
            "a model with transformer blocks", f"{type(model).__name__}, which has none", advice
        )
    name = max(lists, key=lambda name: len(lists[name]))
    return [f"{name}.{number}." for number in range(len(lists[name]))]
