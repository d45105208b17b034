"""The initial values of a classification head that the base model lacks.

They were drawn at random, so only those who fine-tuned the model know them; `assay finetune`
records them with its models.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from assay.core.errors import InputError
from assay.core.models.classifier import Classifier
from assay.core.models.folder_files import called, has_file
from assay.core.models.text_model import TextModel
from assay.core.models.training_record import INITIAL_HEAD, INITIAL_HEAD_FILE, TrainingRecord
from assay.core.models.weight_files import checked_file, opened


def with_drawn_head(base: TextModel, drawn: Mapping[str, Tensor], seed: int) -> TextModel:
    """A copy of the base in which ``seed`` draws the tensors it has no weights for.

    ``drawn``: these tensors in the order in which transformers draws them; another order would give
    other values.
    """
    model = base.copied()
    state = model.model.state_dict()
    generator = torch.Generator().manual_seed(seed)
    for name, values in drawn.items():
        order = torch.randperm(values.numel(), generator=generator)
        state[name].copy_(values.flatten()[order].view_as(values))
    return model


def with_tensors_of(base: TextModel, other: TextModel, names: Mapping[str, Tensor]) -> TextModel:
    """A copy of the base with another model's tensors of these names."""
    model = base.copied()
    state, theirs = model.model.state_dict(), other.model.state_dict()
    for name in names:
        state[name].copy_(theirs[name])
    return model


def put_recorded(
    state: Mapping[str, Tensor],
    lacking: Mapping[str, Tensor],
    final_folder: Path,
    base_sha256: str,
    record: TrainingRecord | None,
) -> None:
    """Fill in what a base lacks from `assay finetune`'s record of the final model's initial values.

    InputError if nothing was recorded for this base, or another head.
    """
    if (
        not record
        or record.base_weights_sha256 != base_sha256
        or not has_file(final_folder, INITIAL_HEAD)
    ):
        raise InputError(
            "a final model whose initial head `assay finetune` recorded",
            f"{called(final_folder)!r}, which has no such record for this base",
            "leave out --initial-head",
        )
    with opened((checked_file(final_folder, INITIAL_HEAD),)) as tensors:
        for name in lacking:
            wanted = state[name]
            if name not in tensors or list(tensors[name].get_shape()) != list(wanted.shape):
                raise InputError(
                    f"the head that fine-tuning of {called(final_folder)!r} began with",
                    f"a record without {name!r} of {tuple(wanted.shape)}",
                    f"delete {INITIAL_HEAD_FILE} or run `assay finetune` again",
                )
            wanted.copy_(tensors[name][...])


def put_final(
    state: Mapping[str, Tensor], lacking: Mapping[str, Tensor], final: Classifier
) -> tuple[str, ...]:
    """Fill in what a base lacks with the final model's tensors, and state what that assumes."""
    final_state = final.model.state_dict()
    for name in lacking:
        state[name].copy_(final_state[name].cpu())
    return (
        "The base model has no classification head, and the head's values before fine-tuning are "
        "unknown. So losses and gradients use the final model's head on the base model, and the "
        "head's weight difference is measured from zero, its expected value. Students and the base "
        "model's own accuracy, where they are measured, use newly drawn heads.",
    )
