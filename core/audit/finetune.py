"""Making a final model whose training data is known: `assay finetune`."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

from core.data.labels import label_index, label_names
from core.data.sources import content_digest, read_documents
from core.device import Compute
from core.errors import InputError
from core.models.classifier import Classifier, LabelWordClassifier
from core.models.loading import new_classifier, save_classifier
from core.models.record import TrainingRecord
from core.models.resolve import resolve_model, tokenizer_digest, weights_digest
from core.models.training import check_training, fine_tune
from core.progress import Progress
from core.specs import DataRef, TrainingSpec, content_key

# Raise it when the same inputs would give other weights.
_VERSION = 1


def finetune(
    base: str,
    data: DataRef,
    out: Path,
    training: TrainingSpec,
    compute: Compute,
    progress: Progress,
    label_words: tuple[str, ...] | None = None,
) -> tuple[TrainingRecord, bool]:
    """Train ``base`` on ``data`` and save it to ``out`` with a record of how.

    Returns the record and whether it was there already. InputError for unusable data or an
    ``out`` that holds something else; an ``out`` that is there is never overwritten.
    """
    if data.label_column is None:
        raise InputError("the name of the label column", "none", "give --label-column")
    check_training(training)
    folder = resolve_model(base)
    base_sha256 = weights_digest(folder)
    data_sha256 = content_digest(data, training.seed)
    key = content_key(
        "finetune",
        _VERSION,
        base_sha256,
        tokenizer_digest(folder),
        data_sha256,
        asdict(training),
        label_words,
        compute.precision,
    )
    existing = TrainingRecord.read(out) if out.is_dir() else None
    if existing and existing.key == key:
        return existing, True
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "a new or empty folder to write to",
            f"{str(out)!r}, which holds something",
            "give another --out",
        )
    documents = [d for d in read_documents(data, training.seed) if d.label is not None]
    labels = [document.label for document in documents if document.label is not None]
    names = label_names(labels)
    classifier, lacking = new_classifier(
        folder, names, training.max_tokens, training.seed, compute, label_words
    )
    epochs = _train(
        classifier,
        [d.text for d in documents],
        [label_index(label, names, data.location) for label in labels],
        training,
        progress,
    )
    words = classifier.label_words if isinstance(classifier, LabelWordClassifier) else None
    record = TrainingRecord(
        key=key,
        training=training,
        label_names=names,
        label_words=words,
        base_weights_sha256=base_sha256,
        data_sha256=data_sha256,
        n_documents=len(documents),
        precision=compute.precision,
        epochs=epochs,
    )
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_classifier(classifier, partial, lacking)
    record.write(partial)
    if out.is_dir():
        out.rmdir()
    os.replace(partial, out)
    return record, False


def _train(
    classifier: Classifier,
    texts: list[str],
    labels: list[int],
    training: TrainingSpec,
    progress: Progress,
) -> tuple[dict, ...]:
    n_batches = -(-len(texts) // training.batch_size) * training.n_epochs
    with progress.stage("fine-tune", n_batches):
        epochs = fine_tune(
            classifier, texts, labels, training, after_batch=lambda: progress.advance(1)
        )
    return tuple({"epoch": epoch.epoch, "train_loss": epoch.train_loss} for epoch in epochs)
