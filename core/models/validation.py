"""Every doubt about a model or a pair, raised before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from assay.core.errors import InputError
from assay.core.models.digests import has_tokenizer
from assay.core.models.mean_pooled import MeanPooledConfig, encoder_config
from assay.core.models.pretrained import is_causal, load_tokenizer, read_config
from assay.core.models.text_model import TextModel
from assay.core.runtime.device import Compute

# Two models whose configurations differ in any of these cannot be a base and its fine-tune.
_SHAPE = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


def check_finite(model: nn.Module, name: str) -> None:
    """InputError if any weight is NaN or infinite."""
    for tensor, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise InputError(
                f"finite weights in {name!r}",
                f"NaN or infinity in {tensor!r}",
                "use an undamaged copy of the model",
            )


def check_factors(model: TextModel) -> None:
    """InputError unless the model's own logits are head × hidden, as the closed form assumes."""
    compute = model.compute
    model.compute = Compute(compute.device, False, compute.n_threads)
    try:
        with torch.inference_mode():
            ours, theirs = model.logits_two_ways("A document to try the last layer on.")
    finally:
        model.compute = compute
    if not torch.allclose(ours, theirs.float(), rtol=1e-2, atol=1e-2):
        raise InputError(
            "a model whose logits are its last layer times its hidden state",
            f"{type(model.model).__name__}, which changes them afterwards",
            "audit a model without logit scaling",
        )


def check_label_words_fit(config: Any, label_words: tuple[str, ...] | None) -> None:
    """InputError for label words where a classification head gives the labels."""
    if label_words and not is_causal(config):
        raise InputError(
            "label words for a causal language model only",
            f"{config.model_type}, which has a classification head",
            "leave out --label-words",
        )


def check_same_shape(base_folder: Path, final_folder: Path) -> None:
    """InputError if two models cannot be a base and its fine-tune."""
    base, final = read_config(base_folder), read_config(final_folder)
    if _has_head(base) and isinstance(base, MeanPooledConfig) != isinstance(
        final, MeanPooledConfig
    ):
        raise InputError(
            "base and final models that pool alike",
            "one head that reads the mean of all tokens and one that does not",
            "give the model that the final one was fine-tuned from",
        )
    base, final = encoder_config(base), encoder_config(final)
    for field in _SHAPE:
        ours, theirs = getattr(base, field, None), getattr(final, field, None)
        if ours != theirs:
            what = "vocabularies" if field == "vocab_size" else "architectures"
            raise InputError(
                f"base and final models with the same {field}",
                f"{ours} and {theirs} ({what} differ)",
                "give the model that the final one was fine-tuned from",
            )


def _has_head(config: Any) -> bool:
    names = config.architectures or []
    return isinstance(config, MeanPooledConfig) or any(
        name.endswith("ForSequenceClassification") for name in names
    )


def check_vocabularies(base_folder: Path, final_tokenizer: Any) -> None:
    """InputError if a token means something else in the base model."""
    if not has_tokenizer(base_folder):
        return
    base, final = (
        load_tokenizer(base_folder).get_vocab(),
        final_tokenizer.get_vocab(),
    )
    moved = [token for token, number in base.items() if final.get(token) != number]
    if moved:
        raise InputError(
            "base and final models with the same vocabulary",
            f"{len(moved):,} tokens that differ ({moved[0]!r} among them)",
            "give the model that the final one was fine-tuned from",
        )
