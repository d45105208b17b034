"""Loads models from folders, ready for an audit or for training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from assay.core.data.labels import names_of_config
from assay.core.errors import InputError
from assay.core.models.causal_lm import LanguageModel
from assay.core.models.classifier import (
    Classifier,
    LabelWordClassifier,
    SequenceClassifier,
)
from assay.core.models.convert import what_was_not_read
from assay.core.models.digests import weights_digest
from assay.core.models.folder_files import called
from assay.core.models.initial_head import (
    put_final,
    put_recorded,
    with_drawn_head,
    with_tensors_of,
)
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
from assay.core.models.training_record import INITIAL_HEAD_FILE, TrainingRecord
from assay.core.models.validation import (
    check_factors,
    check_finite,
    check_label_words_fit,
    check_labels_exclude_one_another,
    check_same_shape,
)
from assay.core.models.vocabulary import added_tokens, match_rows
from assay.core.runtime.device import Compute
from assay.core.specs.audit import HeadStart, InitialHead
from assay.core.specs.data import Task

# Draws the heads of students; unlikely to be the seed of any fine-tuning.
_HEAD_SEED = 0x6865_6164


@dataclass(frozen=True)
class ModelPair:
    """A base and a final model that belong together, and what had to be assumed.

    ``drawn``: the tensors that the base has no weights for, by name, as a new head is drawn. Their
    initial values are then unknown, and the base holds the final model's; empty if all is known.
    """

    base: TextModel
    final: TextModel
    caveats: tuple[str, ...] = ()
    drawn: Mapping[str, torch.Tensor] = field(default_factory=dict)
    head_start: HeadStart = HeadStart.OWN

    def initial_head(self) -> torch.Tensor:
        """The last layer before fine-tuning, (C × d); zero, its expected value, if unknown."""
        head = self.base.head()
        return torch.zeros_like(head) if self._lacks_head else head

    def initial_parameters(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Every parameter before fine-tuning; the last layer as in ``initial_head``."""
        for name, parameter in self.base.parameters():
            is_unknown = self._lacks_head and name in self._of_head
            yield name, torch.zeros_like(parameter) if is_unknown else parameter

    @property
    def splits(self) -> dict[str, str]:
        """For provenance: where the blocks of either model are, if it is split over devices."""
        models = {"base_split": self.base, "final_split": self.final}
        return {name: str(one.split) for name, one in models.items() if one.split is not None}

    def student(self, seed: int) -> TextModel:
        """A copy of the base for training; ``seed`` draws a head with unknown initial values."""
        return with_drawn_head(self.base, self.drawn, seed)

    def with_final(self, final: TextModel) -> ModelPair:
        """The same base with another model made from it; the same values are unknown."""
        base = with_tensors_of(self.base, final, self.drawn) if self.drawn else self.base
        return ModelPair(base, final, drawn=self.drawn, head_start=self.head_start)

    @property
    def _of_head(self) -> set[str]:
        layer = self.base.last_layer()
        return {
            f"{name}.{own}"
            for name, module in self.base.model.named_modules()
            if module is layer
            for own, _ in module.named_parameters()
        }

    @property
    def _lacks_head(self) -> bool:
        return bool(self.drawn) and bool(self._of_head & self.drawn.keys())


def load_pair(
    base: Path,
    final: Path,
    task: Task,
    max_tokens: int,
    compute: Compute,
    label_words: tuple[str, ...] | None = None,
    initial_head: InitialHead = InitialHead.UNKNOWN,
) -> ModelPair:
    """The models of two folders; InputError says why a pair cannot be audited.

    ``initial_head``: what is known about a head that the base lacks.
    """
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
        pair = ModelPair(
            LanguageModel(model, final_model.tokenizer, max_tokens, compute), final_model, caveats
        )
    else:
        record = TrainingRecord.read(final)
        final_model = load_classifier(final, max_tokens, compute, label_words, record)
        pair = _classifier_pair(base, final, final_model, base_sha256, record, initial_head)
    pair.base.pad_as(pair.final)
    check_factors(pair.final)
    check_factors(pair.base)
    beside = (*what_was_not_read(base), *what_was_not_read(final))
    return replace(pair, caveats=(*pair.caveats, *beside))


def load_language_model(folder: Path, max_tokens: int, compute: Compute) -> LanguageModel:
    """A causal language model; InputError if the folder holds another kind."""
    config = read_config(folder)
    if not is_causal(config):
        raise InputError(
            "a causal language model for the task sft",
            f"{config.model_type} in {called(folder)!r}, which is not one",
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
        model = _finite(load_causal(folder), folder)
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
        check_labels_exclude_one_another(config, called(folder))
        model = _finite(load_classifier_model(folder), folder)
        classifier = SequenceClassifier(model, load_tokenizer(folder), names, max_tokens, compute)
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

    ``seed`` draws what the folder has no weights for (a classification head).
    """
    config = read_config(folder)
    check_label_words_fit(config, label_words)
    if is_causal(config):
        model = load_causal(folder)
        tokenizer = load_tokenizer(folder)
        check_finite(model, called(folder))
        return LabelWordClassifier(
            model, tokenizer, label_names, max_tokens, compute, label_words
        ), {}
    torch.manual_seed(seed)
    model, new = _with_head_for(label_names, folder, pools_by_mean(folder))
    check_finite(model, called(folder))
    state = model.state_dict()
    lacking = {name: state[name].clone() for name in new}
    return SequenceClassifier(
        model, load_tokenizer(folder), label_names, max_tokens, compute
    ), lacking


def _with_head_for(
    label_names: tuple[str, ...], folder: Path, is_mean_pooled: bool
) -> tuple[Any, tuple[str, ...]]:
    """A folder's model with a head for these labels, and the tensors it has no weights for.

    With ``is_mean_pooled``, a new head gets the mean of an encoder's states; otherwise
    transformers' own class for that kind of model decides.
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
    """Write model and tokenizer and, if the base lacked tensors, their initial values."""
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
    with torch.no_grad():
        return base.copied(lambda name: base.parameter(name).lerp(final.parameter(name), fraction))


def _classifier_pair(
    folder: Path,
    final_folder: Path,
    final: Classifier,
    base_sha256: str,
    record: TrainingRecord | None,
    initial_head: InitialHead,
) -> ModelPair:
    if isinstance(final, LabelWordClassifier):
        model = load_causal(folder)
        check_finite(model, called(folder))
        assumed = match_rows(model, final.model, added_tokens(folder, final.tokenizer))
        base = LabelWordClassifier(
            model,
            final.tokenizer,
            final.label_names,
            final.max_tokens,
            final.compute,
            final.label_words,
        )
        return ModelPair(base, final, assumed)
    is_pooled = isinstance(final.model.config, MeanPooledConfig)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_HEAD_SEED)
        model, new = _with_head_for(final.label_names, folder, is_pooled)
    state = model.state_dict()
    drawn = {name: state[name].clone() for name in new}
    caveats: tuple[str, ...] = ()
    start = HeadStart.OWN
    if drawn and initial_head is InitialHead.RECORDED:
        put_recorded(state, drawn, final_folder, base_sha256, record)
        drawn, start = {}, HeadStart.RECORDED
    elif drawn:
        caveats, start = put_final(state, drawn, final), HeadStart.UNKNOWN
    check_finite(model, called(folder))
    assumed = match_rows(model, final.model, added_tokens(folder, final.tokenizer))
    return ModelPair(
        SequenceClassifier(
            model, final.tokenizer, final.label_names, final.max_tokens, final.compute
        ),
        final,
        (*caveats, *assumed),
        drawn,
        start,
    )


def _finite(model: Any, folder: Path) -> Any:
    check_finite(model, called(folder))
    return model
