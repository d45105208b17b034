"""Checks transformers' report of a load: no part of a model may be random.

If a folder has no weights for a tensor, transformers draws them at random and continues.
"""

from __future__ import annotations

import re
from typing import Any

from assay.core.errors import InputError
from assay.core.specs.plain import JsonObject

# What tools put into tensors' names, what that means, and how to fix it.
_WRAPPERS = (
    ("_orig_mod.", "a compiled model", "save the model that was compiled (`model._orig_mod`)"),
    ("module.", "a model wrapped for several GPUs", "save the model inside (`model.module`)"),
    ("_fsdp_wrapped_module.", "a model wrapped by FSDP", "gather the model before saving it"),
    (".base_layer.", "a model with an adapter in it", "merge it first (`merge_and_unload`)"),
    ("base_model.model.", "a model with an adapter in it", "merge it first (`merge_and_unload`)"),
)
# Tensors that older versions saved and no model uses.
_LEFTOVERS = ("inv_freq", "position_ids", "token_type_ids", "masked_bias", "attn.bias")


def missing_head(report: JsonObject, model: Any, name: str) -> tuple[str, ...]:
    """The tensors of a new head, which a base may lack; InputError for any other problem.

    ``report``: transformers' ``output_loading_info``; ``name``: the folder's, for errors.
    """
    missing = sorted(report["missing_keys"])
    unread = sorted(report["unexpected_keys"])
    _check_wrappers(missing, unread, name)
    body = [tensor for tensor in missing if not is_of_head(tensor, model)]
    if body:
        raise InputError(
            f"weights for every layer in {name!r}",
            f"none for {body[0]!r}" + (f" and {len(body) - 1} more" if len(body) > 1 else ""),
            "download the model again, or save it completely with save_pretrained",
        )
    for tensor, stored, wanted in sorted(report["mismatched_keys"]):
        raise InputError(
            f"weights of {name!r} with the shapes in its config.json",
            f"{tuple(stored)} for {tensor!r} instead of {tuple(wanted)}",
            "give the config.json that was saved with the weights",
        )
    strangers = [tensor for tensor in unread if _is_of_body(tensor, model)]
    if strangers:
        raise InputError(
            f"a config.json in {name!r} that describes all its weights",
            f"one without {strangers[0]!r}",
            "give the config.json that was saved with the weights",
        )
    return tuple(missing)


def check_complete(report: JsonObject, model: Any, name: str, head_do: str) -> None:
    """InputError unless every tensor of ``model`` came from its folder.

    ``head_do``: what to do if only the head is missing.
    """
    missing = missing_head(report, model, name)
    if missing:
        raise InputError(
            f"a model with its head in {name!r}", f"a model without {missing[0]!r}", head_do
        )


def _check_wrappers(missing: list[str], unread: list[str], name: str) -> None:
    if not missing:
        return
    for part, what, do in _WRAPPERS:
        found = [tensor for tensor in unread if part in tensor]
        if found:
            raise InputError(
                f"a plain model in {name!r}",
                f"{what}, whose tensors have names like {found[0][:80]!r}",
                do,
            )


def is_of_head(tensor: str, model: Any) -> bool:
    """Whether a tensor comes after the transformer's body; a pooler is part of the head."""
    prefix = model.base_model_prefix
    return bool(prefix) and (not tensor.startswith(f"{prefix}.") or ".pooler." in tensor)


def _is_of_body(tensor: str, model: Any) -> bool:
    """Whether an unused tensor lies in the body, or in a layer like one of the body."""
    if tensor.endswith(_LEFTOVERS):
        return False
    shapes_of_names = {_numberless(name) for name, _ in model.named_parameters()}
    alike = {_numberless(tensor), _numberless(f"{model.base_model_prefix}.{tensor}")}
    is_of_another_layer = _numberless(tensor) != tensor and not alike.isdisjoint(shapes_of_names)
    return is_of_another_layer or not is_of_head(tensor, model)


def _numberless(name: str) -> str:
    return re.sub(r"\.\d+\.", ".*.", name)
