"""The layer of a model that looks up token ids, and what it looked up in a forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from assay.core.errors import InputError
from assay.core.models.text_model import TextModel


def input_table(model: TextModel) -> Tensor:
    """The rows that token ids look up, (V × d)."""
    weight: Tensor = _input_layer(model).weight
    return weight.detach()


def is_tied(model: TextModel) -> bool:
    """Whether the output layer is the input table."""
    output = model.model.get_output_embeddings()
    return output is not None and output.weight is _input_layer(model).weight


def _input_layer(model: TextModel) -> nn.Embedding:
    """The module that looks up token ids; InputError if the model does not have exactly one."""
    body = model.model
    for candidate in (body, getattr(body, "base_model", None), getattr(body, "body", None)):
        try:
            layer = candidate.get_input_embeddings() if candidate is not None else None
        except (AttributeError, NotImplementedError):
            continue
        if isinstance(layer, nn.Embedding):
            return layer
    raise InputError(
        "a model with one table of input embeddings",
        f"{type(body).__name__}",
        "remove --strategy embedding-match and embedding-select",
    )


@contextmanager
def embedded_rows(model: TextModel) -> Iterator[list[Tensor]]:
    """Collects the rows that the input layer looks up, and records gradients for them.

    Some layers scale what they look up (Gemma's by √width); the rows are taken without the scale.
    """
    seen: list[Tensor] = []
    layer = _input_layer(model)
    scale = float(getattr(layer, "embed_scale", 1.0))

    def cut(_: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        seen.append((output.detach() / scale).requires_grad_(True))
        return seen[-1] * scale

    hook = layer.register_forward_hook(cut)
    try:
        yield seen
    finally:
        hook.remove()
