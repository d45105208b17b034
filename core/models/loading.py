"""From model folders to classifiers, with every doubt about them raised before any work."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)
from transformers.utils import logging as transformers_logging

from core.device import Compute
from core.errors import InputError
from core.models.classifier import (
    Classifier,
    LabelWordClassifier,
    SequenceClassifier,
    last_linear,
)
from core.models.record import INITIAL_HEAD_FILE, TrainingRecord
from core.models.resolve import resolve_model, tokenizer_digest, weights_digest

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

# Two models whose configurations differ in any of these cannot be a base and its fine-tune.
_SHAPE = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


@dataclass(frozen=True)
class ModelPair:
    """A base and a final model that belong together."""

    base: Classifier
    final: Classifier
    base_sha256: str
    final_sha256: str
    tokenizer_sha256: str
    record: TrainingRecord | None
    caveats: tuple[str, ...]


def load_pair(
    base: str,
    final: str,
    max_tokens: int,
    compute: Compute,
    label_words: tuple[str, ...] | None = None,
) -> ModelPair:
    """Both models as classifiers; InputError says why a pair cannot be audited."""
    base_folder, final_folder = resolve_model(base), resolve_model(final)
    _check_same_shape(base_folder, final_folder)
    base_sha256, final_sha256 = weights_digest(base_folder), weights_digest(final_folder)
    if base_sha256 == final_sha256:
        raise InputError(
            "two different models",
            "twice the same weights",
            "name the model before and the one after fine-tuning",
        )
    record = TrainingRecord.read(final_folder)
    final_model = load_classifier(final_folder, max_tokens, compute, label_words, record)
    _check_vocabularies(base_folder, final_model.tokenizer)
    base_model, caveats = _load_base(base_folder, final_folder, final_model, base_sha256, record)
    check_factors(final_model)
    check_factors(base_model)
    return ModelPair(
        base_model,
        final_model,
        base_sha256,
        final_sha256,
        tokenizer_digest(final_folder),
        record,
        caveats,
    )


def load_classifier(
    folder: Path,
    max_tokens: int,
    compute: Compute,
    label_words: tuple[str, ...] | None = None,
    record: TrainingRecord | None = None,
) -> Classifier:
    """A model that already has its labels, weights in float32; InputError if one is not finite."""
    config = _config(folder)
    _check_label_words_fit(config, label_words)
    if record and not label_words:
        label_words = record.label_words
    if _is_causal(config):
        if not label_words:
            raise InputError(
                "label words for a causal language model",
                "none",
                "give them with --label-words, one a label, separated by commas",
            )
        model = _from_pretrained(AutoModelForCausalLM, folder)
        names = record.label_names if record else label_words
        classifier: Classifier = LabelWordClassifier(
            model, _tokenizer(folder, model), names, max_tokens, compute, label_words
        )
    else:
        names = tuple(str(config.id2label[label]) for label in range(config.num_labels))
        if len(names) < 2:
            raise InputError(
                "a final model with at least two labels",
                f"{len(names)}",
                "audit a classification model",
            )
        model, info = _from_pretrained(
            AutoModelForSequenceClassification, folder, output_loading_info=True
        )
        if info["missing_keys"]:
            raise InputError(
                f"a final model with its classification head in {folder.name!r}",
                f"one without {sorted(info['missing_keys'])[0]!r}",
                "give the fine-tuned model, or a causal model with --label-words",
            )
        classifier = SequenceClassifier(
            model, _tokenizer(folder, model), names, max_tokens, compute
        )
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
    config = _config(folder)
    _check_label_words_fit(config, label_words)
    if _is_causal(config):
        model = _from_pretrained(AutoModelForCausalLM, folder)
        tokenizer = _tokenizer(folder, model)
        check_finite(model, folder.name)
        return LabelWordClassifier(
            model, tokenizer, label_names, max_tokens, compute, label_words
        ), {}
    torch.manual_seed(seed)
    model, info = _from_pretrained(
        AutoModelForSequenceClassification,
        folder,
        output_loading_info=True,
        num_labels=len(label_names),
        id2label=dict(enumerate(label_names)),
        label2id={name: label for label, name in enumerate(label_names)},
    )
    check_finite(model, folder.name)
    state = model.state_dict()
    lacking = {name: state[name].clone() for name in sorted(info["missing_keys"])}
    return SequenceClassifier(
        model, _tokenizer(folder, model), label_names, max_tokens, compute
    ), lacking


def save_classifier(
    classifier: Classifier, folder: Path, lacking: dict[str, torch.Tensor] | None = None
) -> None:
    """Write model, tokenizer and, where the base lacked tensors, their initial values."""
    folder.mkdir(parents=True, exist_ok=True)
    classifier.model.save_pretrained(folder)
    classifier.tokenizer.save_pretrained(folder)
    if lacking:
        initial = folder / "initial"
        initial.mkdir(exist_ok=True)
        save_file(lacking, initial / INITIAL_HEAD_FILE)


def interpolated(base: Classifier, final: Classifier, fraction: float) -> Classifier:
    """The synthetic checkpoint θ = θ_base + fraction · (θ_final − θ_base) (paper §4.1)."""
    if fraction == 0:
        return base
    checkpoint = copy.deepcopy(base)
    ends = dict(final.model.named_parameters())
    with torch.no_grad():
        for name, parameter in checkpoint.model.named_parameters():
            parameter.lerp_(ends[name].to(parameter), fraction)
    return checkpoint


def check_finite(model: nn.Module, name: str) -> None:
    """InputError if any weight is NaN or infinite."""
    for tensor, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            raise InputError(
                f"finite weights in {name!r}",
                f"NaN or infinity in {tensor!r}",
                "use an undamaged copy of the model",
            )


def check_factors(classifier: Classifier) -> None:
    """InputError unless the model's own logits are head × hidden, as the closed form assumes."""
    compute = classifier.compute
    classifier.compute = Compute(compute.device, False, compute.n_threads)
    try:
        ids, mask = classifier.pad(classifier.tokenize(["A document to try the last layer on."]))
        with torch.inference_mode():
            ours, _ = classifier.forward(ids, mask)
            theirs = classifier.model(input_ids=ids, attention_mask=mask).logits
        if isinstance(classifier, LabelWordClassifier):
            theirs = theirs[:, -1, classifier._label_ids]
    finally:
        classifier.compute = compute
    if not torch.allclose(ours, theirs.float(), rtol=1e-2, atol=1e-2):
        raise InputError(
            "a model whose logits are its last layer times its hidden state",
            f"{type(classifier.model).__name__}, which changes them afterwards",
            "audit a model without logit scaling",
        )


def _load_base(
    folder: Path,
    final_folder: Path,
    final: Classifier,
    base_sha256: str,
    record: TrainingRecord | None,
) -> tuple[Classifier, tuple[str, ...]]:
    if isinstance(final, LabelWordClassifier):
        model = _from_pretrained(AutoModelForCausalLM, folder)
        check_finite(model, folder.name)
        return LabelWordClassifier(
            model,
            final.tokenizer,
            final.label_names,
            final.max_tokens,
            final.compute,
            final.label_words,
        ), ()
    try:
        model, info = _from_pretrained(
            AutoModelForSequenceClassification,
            folder,
            output_loading_info=True,
            num_labels=len(final.label_names),
        )
    except RuntimeError as error:  # a head of another size
        raise InputError(
            f"a base model with {len(final.label_names)} labels or no head at all",
            "one whose head has another size",
            "give the model that the final one was fine-tuned from",
        ) from error
    caveats = _fill_what_base_lacks(
        model, sorted(info["missing_keys"]), final_folder, final, base_sha256, record
    )
    check_finite(model, folder.name)
    return SequenceClassifier(
        model, final.tokenizer, final.label_names, final.max_tokens, final.compute
    ), caveats


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
    recorded = final_folder / "initial" / INITIAL_HEAD_FILE
    if record and record.base_weights_sha256 == base_sha256 and recorded.exists():
        for name, tensor in load_file(recorded).items():
            state[name].copy_(tensor)
        return ()
    head_name, _ = last_linear(model, len(final.label_names))
    final_state = final.model.state_dict()
    for name in lacking:
        state[name].copy_(
            torch.zeros(()) if name.startswith(head_name) else final_state[name].cpu()
        )
    others = [name for name in lacking if not name.startswith(head_name)]
    caveats = [
        "The base model has no classification head; where training started from is "
        "unknown, and zero, its expected value, stands in for it."
    ]
    if others:
        caveats.append(
            f"The base model has no weights for {', '.join(others)}; "
            "the final model's stand in for them."
        )
    return tuple(caveats)


def _check_label_words_fit(config: Any, label_words: tuple[str, ...] | None) -> None:
    if label_words and not _is_causal(config):
        raise InputError(
            "label words for a causal language model only",
            f"{config.model_type}, which has a classification head",
            "leave out --label-words",
        )


def _check_same_shape(base_folder: Path, final_folder: Path) -> None:
    base, final = _config(base_folder), _config(final_folder)
    for field in _SHAPE:
        ours, theirs = getattr(base, field, None), getattr(final, field, None)
        if ours != theirs:
            what = "vocabularies" if field == "vocab_size" else "architectures"
            raise InputError(
                f"base and final models with the same {field}",
                f"{ours} and {theirs} ({what} differ)",
                "give the model that the final one was fine-tuned from",
            )


def _check_vocabularies(base_folder: Path, final_tokenizer: Any) -> None:
    if not any(
        (base_folder / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")
    ):
        return
    base, final = (
        AutoTokenizer.from_pretrained(base_folder).get_vocab(),
        final_tokenizer.get_vocab(),
    )
    moved = [token for token, number in base.items() if final.get(token) != number]
    if moved:
        raise InputError(
            "base and final models with the same vocabulary",
            f"{len(moved):,} tokens that differ ({moved[0]!r} among them)",
            "give the model that the final one was fine-tuned from",
        )


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (ValueError, KeyError, OSError, json.JSONDecodeError) as error:
        raise InputError(
            f"a model configuration that transformers knows in {folder.name!r}",
            str(error).splitlines()[0],
            "check config.json",
        ) from error


def _is_causal(config: Any) -> bool:
    architectures = config.architectures or []
    return any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures)


def _from_pretrained(kind: Any, folder: Path, **options: Any) -> Any:
    return kind.from_pretrained(
        folder, use_safetensors=True, trust_remote_code=False, dtype=torch.float32, **options
    )


def _tokenizer(folder: Path, model: Any) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    return tokenizer
