"""Checks of models and pairs, made before any work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from assay.core.errors import InputError, OptionConflict
from assay.core.models.mean_pooled import MeanPooledConfig, encoder_config
from assay.core.models.pretrained import is_causal, read_config
from assay.core.models.text_model import TextModel

# If two configurations differ in any of these, they cannot be a base and its fine-tuned model.
_SHAPE = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads")
# Two documents of different lengths, and the tolerated difference of logits relative to the
# largest.
_TRIAL = ("A document to try the last layer on, with some more words after it.", "A short one.")
_ROUNDING = 1e-2


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
    """InputError unless the model's own logits are head × hidden, as the closed form assumes.

    Also InputError if a document's logits depend on padding.
    """
    compute, name = model.compute, type(model.model).__name__
    model.compute = replace(compute, is_bf16=False)
    try:
        with torch.inference_mode():
            ours, theirs = model.logits_two_ways(_TRIAL)
            alone, _ = model.logits_two_ways(_TRIAL[-1:])
    except InputError:
        raise
    except Exception as error:  # other kinds of models raise all kinds of errors
        raise InputError(
            "a model that gives logits for padded documents of text",
            f"{name}, which raises an error "
            f"({(str(error) or type(error).__name__).splitlines()[0][:200]})",
            "audit a model of another architecture",
        ) from error
    finally:
        model.compute = compute
    if not all(_are_alike(*both) for both in zip(ours, theirs, strict=True)):
        raise InputError(
            "a model whose logits are its last layer applied to its hidden state",
            f"{name}, which changes the logits in an unknown way",
            "audit a model of another architecture",
        )
    if not _are_alike(ours[-1], alone[0]):
        raise InputError(
            "a model that gives a document the same output in any batch",
            f"{name}, whose output depends on padding",
            "audit a model of another architecture",
        )


def _are_alike(ours: Tensor, theirs: Tensor) -> bool:
    """Whether logits are equal up to rounding, however small they are."""
    theirs = theirs.float()
    if ours.shape != theirs.shape:
        return False
    allowed = _ROUNDING * float(theirs.abs().max()) + 1e-6
    return float((ours.float() - theirs).abs().max()) <= allowed


def check_labels_exclude_one_another(config: Any, name: str) -> None:
    """InputError for a head whose outputs are not a softmax over labels."""
    kind = getattr(config, "problem_type", None)
    if kind not in (None, "single_label_classification"):
        raise InputError(
            f"a final model in {name!r} that gives each document one label",
            f"one trained for {str(kind)[:60].replace('_', ' ')}",
            "audit a single-label classifier",
        )


def check_label_words_fit(config: Any, label_words: tuple[str, ...] | None) -> None:
    """InputError for label words if a classification head gives the labels."""
    if label_words and not is_causal(config):
        raise OptionConflict(
            "--label-words applies to causal language models only, and this one has a "
            "classification "
            "head",
            f"{config.model_type}, which has a classification head",
            "remove it",
        )


def check_same_shape(base_folder: Path, final_folder: Path) -> None:
    """InputError if two models cannot be a base and its fine-tuned model."""
    base, final = read_config(base_folder), read_config(final_folder)
    if _has_head(base) and isinstance(base, MeanPooledConfig) != isinstance(
        final, MeanPooledConfig
    ):
        raise InputError(
            "base and final models with the same pooling",
            "one that pools by the mean of all tokens and one that does not",
            "give the model that the final one was fine-tuned from",
        )
    base, final = encoder_config(base), encoder_config(final)
    for field in _SHAPE:
        ours, theirs = getattr(base, field, None), getattr(final, field, None)
        if ours != theirs:
            raise InputError(
                f"base and final models with the same {field}",
                f"{ours} and {theirs} (architectures differ)",
                "give the model that the final one was fine-tuned from",
            )


def _has_head(config: Any) -> bool:
    names = config.architectures or []
    return isinstance(config, MeanPooledConfig) or any(
        name.endswith("ForSequenceClassification") for name in names
    )
