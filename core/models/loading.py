"""From model folders to models ready for an audit or for training."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from assay.core.data.labels import names_of_config
from assay.core.errors import InputError
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.classifier import (
    Classifier,
    LabelWordClassifier,
    SequenceClassifier,
    last_linear,
)
from assay.core.models.convert import what_was_not_read
from assay.core.models.digests import weights_digest
from assay.core.models.folder_files import has_file
from assay.core.models.mean_pooled import MeanPooledConfig, pools_by_mean
from assay.core.models.pretrained import (
    is_causal,
    load_causal,
    load_classifier_model,
    load_tokenizer,
    load_with_new_head,
    read_config,
)
from assay.core.models.text_model import TextModel
from assay.core.models.training_record import INITIAL_HEAD, INITIAL_HEAD_FILE, TrainingRecord
from assay.core.models.validation import (
    check_factors,
    check_finite,
    check_label_words_fit,
    check_labels_exclude_one_another,
    check_same_shape,
)
from assay.core.models.vocabulary import added_tokens, match_rows
from assay.core.models.weight_files import checked_file, opened
from assay.core.runtime.device import Compute
from assay.core.specs.data import Task


@dataclass(frozen=True)
class ModelPair:
    """A base and a final model that belong together, and what had to be assumed."""

    base: TextModel
    final: TextModel
    caveats: tuple[str, ...] = ()


def load_pair(
    base: Path,
    final: Path,
    task: Task,
    max_tokens: int,
    compute: Compute,
    label_words: tuple[str, ...] | None = None,
) -> ModelPair:
    """Both models of two folders; InputError says why a pair cannot be audited."""
    check_same_shape(base, final)
    base_sha256 = weights_digest(base)
    if base_sha256 == weights_digest(final):
        raise InputError(
            "two different models",
            "the same weights twice",
            "give the model before fine-tuning as --base and the model after as --final",
        )
    if task is Task.SFT:
        final_model: TextModel = load_language_model(final, max_tokens, compute)
        model = _finite(load_causal(base), base)
        caveats = match_rows(model, final_model.model, added_tokens(base, final_model.tokenizer))
        base_model: TextModel = LanguageModel(model, final_model.tokenizer, max_tokens, compute)
    else:
        record = TrainingRecord.read(final)
        final_model = load_classifier(final, max_tokens, compute, label_words, record)
        base_model, caveats = _load_base(base, final, final_model, base_sha256, record)
    base_model.pad_as(final_model)
    check_factors(final_model)
    check_factors(base_model)
    return ModelPair(
        base_model, final_model, (*caveats, *what_was_not_read(base), *what_was_not_read(final))
    )


def load_language_model(folder: Path, max_tokens: int, compute: Compute) -> LanguageModel:
    """A causal language model; InputError if the folder holds another kind."""
    config = read_config(folder)
    if not is_causal(config):
        raise InputError(
            "a causal language model for the task sft",
            f"{config.model_type} in {folder.name!r}, which is not one",
            "use --task classification",
        )
    model = _finite(load_causal(folder), folder)
    return LanguageModel(model, load_tokenizer(folder), max_tokens, compute)


def load_classifier(
    folder: Path,
    max_tokens: int,
    compute: Compute,
    label_words: tuple[str, ...] | None = None,
    record: TrainingRecord | None = None,
) -> Classifier:
    """A model that already has its labels, weights in float32; InputError if one is not finite."""
    config = read_config(folder)
    check_label_words_fit(config, label_words)
    if record and not label_words:
        label_words = record.label_words
    if is_causal(config):
        if not label_words:
            raise InputError(
                "label words for a causal language model",
                "none",
                "give one per label with --label-words, separated by commas",
            )
        model = load_causal(folder)
        names = record.label_names if record else label_words
        classifier: Classifier = LabelWordClassifier(
            model, load_tokenizer(folder), names, max_tokens, compute, label_words
        )
    else:
        names = names_of_config(config.id2label)
        if len(names) < 2:
            raise InputError(
                "a final model with at least two labels",
                f"{len(names)}",
                "audit a classification model",
            )
        check_labels_exclude_one_another(config, folder.name)
        model = load_classifier_model(folder)
        classifier = SequenceClassifier(model, load_tokenizer(folder), names, max_tokens, compute)
    check_finite(model, folder.name)
    return classifier


def new_classifier(
    folder: Path,
    label_names: tuple[str, ...],
    max_tokens: int,
    seed: int,
    compute: Compute,
    label_words: tuple[str, ...] | None = None,
) -> tuple[Classifier, dict[str, torch.Tensor]]:
    """A base model ready to be fine-tuned to ``label_names``, and the tensors it lacked.

    What the folder has no weights for (a classification head) is drawn with ``seed``.
    """
    config = read_config(folder)
    check_label_words_fit(config, label_words)
    if is_causal(config):
        model = load_causal(folder)
        tokenizer = load_tokenizer(folder)
        check_finite(model, folder.name)
        return LabelWordClassifier(
            model, tokenizer, label_names, max_tokens, compute, label_words
        ), {}
    torch.manual_seed(seed)
    model, new = _with_head_for(label_names, folder, pools_by_mean(folder))
    check_finite(model, folder.name)
    state = model.state_dict()
    lacking = {name: state[name].clone() for name in new}
    return SequenceClassifier(
        model, load_tokenizer(folder), label_names, max_tokens, compute
    ), lacking


def _with_head_for(
    label_names: tuple[str, ...], folder: Path, is_mean_pooled: bool
) -> tuple[Any, tuple[str, ...]]:
    """A folder's model with a head of these labels, and the tensors it has no weights for.

    ``is_mean_pooled`` puts the head on the mean of an encoder's states, wherever there is no head
    yet; else transformers' own class for that kind of model decides.
    """
    config = read_config(folder)
    if is_mean_pooled and not isinstance(config, MeanPooledConfig):
        config = MeanPooledConfig(encoder=config)
    config.id2label = dict(enumerate(label_names))
    config.problem_type = None
    config.label2id = {name: label for label, name in enumerate(label_names)}
    return load_with_new_head(folder, config)


def save_model(
    model: TextModel, folder: Path, lacking: dict[str, torch.Tensor] | None = None
) -> None:
    """Write model, tokenizer and, where the base lacked tensors, their initial values."""
    folder.mkdir(parents=True, exist_ok=True)
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    if lacking:
        initial = folder / "initial"
        initial.mkdir(exist_ok=True)
        save_file(lacking, initial / INITIAL_HEAD_FILE)


def interpolated(base: TextModel, final: TextModel, fraction: float) -> TextModel:
    """The synthetic checkpoint θ = θ_base + fraction · (θ_final − θ_base) (paper §4.1)."""
    if fraction == 0:
        return base
    checkpoint = copy.deepcopy(base)
    ends = dict(final.model.named_parameters())
    with torch.no_grad():
        for name, parameter in checkpoint.model.named_parameters():
            parameter.lerp_(ends[name].to(parameter), fraction)
    return checkpoint


def _load_base(
    folder: Path,
    final_folder: Path,
    final: Classifier,
    base_sha256: str,
    record: TrainingRecord | None,
) -> tuple[Classifier, tuple[str, ...]]:
    if isinstance(final, LabelWordClassifier):
        model = load_causal(folder)
        check_finite(model, folder.name)
        assumed = match_rows(model, final.model, added_tokens(folder, final.tokenizer))
        return LabelWordClassifier(
            model,
            final.tokenizer,
            final.label_names,
            final.max_tokens,
            final.compute,
            final.label_words,
        ), assumed
    is_pooled = isinstance(final.model.config, MeanPooledConfig)
    model, new = _with_head_for(final.label_names, folder, is_pooled)
    caveats = _fill_what_base_lacks(model, list(new), final_folder, final, base_sha256, record)
    check_finite(model, folder.name)
    assumed = match_rows(model, final.model, added_tokens(folder, final.tokenizer))
    return SequenceClassifier(
        model, final.tokenizer, final.label_names, final.max_tokens, final.compute
    ), (*caveats, *assumed)


def _fill_what_base_lacks(
    model: nn.Module,
    lacking: list[str],
    final_folder: Path,
    final: Classifier,
    base_sha256: str,
    record: TrainingRecord | None,
) -> tuple[str, ...]:
    """Give the base the tensors it has no weights for, and say what was assumed."""
    if not lacking:
        return ()
    state = model.state_dict()
    if (
        record
        and record.base_weights_sha256 == base_sha256
        and has_file(final_folder, INITIAL_HEAD)
    ):
        with opened((checked_file(final_folder, INITIAL_HEAD),)) as tensors:
            for name in lacking:
                state[name].copy_(_recorded(tensors, name, state[name], final_folder))
        return ()
    head_name, _ = last_linear(model, len(final.label_names))
    final_state = final.model.state_dict()
    for name in lacking:
        state[name].copy_(
            torch.zeros(()) if name.startswith(head_name) else final_state[name].cpu()
        )
    others = [name for name in lacking if not name.startswith(head_name)]
    caveats = [
        "The base model has no classification head, so its initial value is unknown; zero, the "
        "expected value, is used instead."
    ]
    if others:
        caveats.append(
            f"The base model has no weights for {', '.join(others)}; the final model's are used "
            "instead."
        )
    return tuple(caveats)


def _finite(model: Any, folder: Path) -> Any:
    check_finite(model, folder.name)
    return model


def _recorded(
    tensors: dict[str, Any], name: str, wanted: torch.Tensor, folder: Path
) -> torch.Tensor:
    """A tensor of the recorded head; InputError if the record is of another head."""
    if name not in tensors or list(tensors[name].get_shape()) != list(wanted.shape):
        raise InputError(
            f"the head that fine-tuning of {folder.name!r} began with",
            f"a record without {name!r} of {tuple(wanted.shape)}",
            f"delete {INITIAL_HEAD_FILE} or run `assay finetune` again",
        )
    tensor: torch.Tensor = tensors[name][...]
    return tensor
