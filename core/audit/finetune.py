"""`assay finetune`: making a final model whose training data is known."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import torch

from assay.core.audit.reader import Reader
from assay.core.data.labels import label_names
from assay.core.data.sources import content_digest, read_labels
from assay.core.errors import AssayError, InputError, OptionConflict
from assay.core.models.classifier import LabelWordClassifier
from assay.core.models.digests import weights_digest
from assay.core.models.examples import Example
from assay.core.models.loading import load_language_model, new_classifier, save_model
from assay.core.models.resolve import resolve_model
from assay.core.models.settings_digest import settings_digest
from assay.core.models.text_model import TextModel
from assay.core.models.training import Epoch, fine_tune
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import Progress
from assay.core.specs.data import Task
from assay.core.specs.hashing import content_key
from assay.core.specs.training import FinetuneSpec, TrainingSpec, check_training

# Raise it when the same inputs would give other weights.
_VERSION = 5


def finetune(
    spec: FinetuneSpec, out: Path, converted: Path, compute: Compute, progress: Progress
) -> tuple[TrainingRecord, bool]:
    """Train ``spec.base`` on ``spec.data`` and save it to ``out`` with a training record.

    ``converted``: folder for converted models. Returns the record, and whether the model existed
    already. InputError for unusable data, or if ``out`` holds something else; an existing ``out``
    is never overwritten.
    """
    key = finetune_key(spec, converted, compute)
    existing = TrainingRecord.read(out) if out.is_dir() else None
    if existing and existing.key == key:
        return existing, True
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "a new or empty folder to write to",
            f"{str(out)!r}, which is not empty",
            "give another --out",
        )
    check_out(out)
    folder = resolve_model(spec.base, converted)
    model, lacking = _new_model(spec, folder, compute)
    examples = _examples(spec, model, progress)
    epochs = _train(model, examples, spec.training, progress)
    words = model.label_words if isinstance(model, LabelWordClassifier) else None
    record = TrainingRecord(
        key=key,
        task=spec.task,
        training=spec.training,
        label_names=model.label_names,
        label_words=words,
        response_template=spec.response_template,
        base_weights_sha256=weights_digest(folder),
        data_sha256=content_digest(spec.data, spec.training.seed),
        n_documents=len(examples),
        precision=compute.training_precision,
        epochs=epochs,
    )
    # A unique name: everything else beside ``out`` belongs to the user.
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        save_model(model, partial, lacking)
        record.write(partial)
        partial.chmod(0o755 & ~_umask())
        if out.is_dir():
            out.rmdir()
        os.replace(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return record, False


def check_out(out: Path) -> None:
    """Create the parent folder of ``out``; InputError if it cannot be written."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent):
            pass
    except OSError as error:
        raise InputError(
            "a place where a folder can be created",
            f"{str(out)!r} ({error.strerror})",
            "give another --out",
        ) from error


def finetune_key(spec: FinetuneSpec, converted: Path, compute: Compute) -> str:
    """A hash of everything that the weights depend on; InputError for what cannot be trained."""
    _check(spec)
    folder = resolve_model(spec.base, converted)
    return content_key(
        "finetune",
        _VERSION,
        weights_digest(folder),
        settings_digest(folder),
        content_digest(spec.data, spec.training.seed),
        asdict(spec.training),
        spec.task,
        spec.label_words,
        spec.response_template,
        compute.training_precision,
    )


def _check(spec: FinetuneSpec) -> None:
    if spec.task is Task.CLASSIFICATION and spec.data.label_column is None:
        raise InputError("a label column", "none", "give --label-column")
    if spec.task is Task.CLASSIFICATION and spec.response_template:
        raise OptionConflict(
            "--response-template applies to --task sft only",
            "--task classification",
            "remove it, or use --task sft",
        )
    check_training(spec.training)


def _new_model(
    spec: FinetuneSpec, folder: Path, compute: Compute
) -> tuple[TextModel, dict[str, torch.Tensor]]:
    training = spec.training
    if spec.task is Task.SFT:
        return load_language_model(folder, training.max_tokens, compute), {}
    return new_classifier(
        folder,
        label_names(read_labels(spec.data).found),
        training.max_tokens,
        training.seed,
        compute,
        spec.label_words,
    )


def _examples(spec: FinetuneSpec, model: TextModel, progress: Progress) -> list[Example]:
    reader = Reader(model, spec.task, spec.response_template)
    labels = reader.labels_of(spec.data)
    documents = list(chain.from_iterable(reader.scored(spec.data, spec.training.seed, labels)))
    for line in reader.skipped.lines():
        progress.note(line)
    if spec.task is Task.CLASSIFICATION:
        documents = [document for document in documents if document.label is not None]
    return model.examples(documents)


def _train(
    model: TextModel, examples: Sequence[Example], training: TrainingSpec, progress: Progress
) -> tuple[dict, ...]:
    n_batches = -(-len(examples) // training.batch_size) * training.n_epochs
    with progress.stage("fine-tune", n_batches):
        epochs = fine_tune(model, examples, training, after_batch=lambda: progress.advance(1))
    _check_finite(model, epochs, training)
    return tuple({"epoch": epoch.epoch, "train_loss": epoch.train_loss} for epoch in epochs)


def _check_finite(model: TextModel, epochs: Sequence[Epoch], training: TrainingSpec) -> None:
    """AssayError if training diverged: such weights say nothing about the data."""
    odd = next((one for one in epochs if not math.isfinite(one.train_loss)), None)
    if odd is None and all(bool(p.isfinite().all()) for p in model.model.parameters()):
        return
    when = "its weights" if odd is None else f"a loss of {odd.train_loss} in epoch {odd.epoch + 1}"
    raise AssayError(
        f"Fine-tuning diverged ({when}; learning rate {training.learning_rate:g}), so no model was "
        "saved. Lower --learning-rate, or raise --batch-size."
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
