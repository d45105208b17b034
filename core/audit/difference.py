"""How far fine-tuning moved a model: facts shown before any score is believed."""

from __future__ import annotations

import torch

from cache.writer import AuditBuilder
from core.errors import InputError
from core.models.loading import ModelPair


def write_difference(builder: AuditBuilder, pair: ModelPair) -> None:
    """How far the last layer and the whole model moved."""
    final = dict(pair.final.model.named_parameters())
    n_parameters = n_changed = 0
    squared_change = squared_base = 0.0
    with torch.inference_mode():
        for name, parameter in pair.base.model.named_parameters():
            change = (final[name] - parameter).double()
            n_parameters += parameter.numel()
            n_changed += int((change != 0).sum())
            squared_change += float((change**2).sum())
            squared_base += float((parameter.double() ** 2).sum())
        base_head, final_head = pair.base.head(), pair.final.head()
        head_change = float((final_head - base_head).norm())
        facts = {
            "n_parameters": n_parameters,
            "n_parameters_changed": n_changed,
            "relative_change": (squared_change / squared_base) ** 0.5,
            "head_change": head_change,
            "relative_head_change": head_change / max(float(base_head.norm()), 1e-12),
        }
    if head_change == 0:
        raise InputError(
            "models whose last layer differs",
            "one that did not move in fine-tuning",
            "the last layer says nothing about this pair; this is not evidence of no leak",
        )
    for fact, value in facts.items():
        builder.put_fact("difference", fact, value)
    for model, classifier in (("base", pair.base), ("final", pair.final)):
        builder.put_fact(model, "architecture", type(classifier.model).__name__)
