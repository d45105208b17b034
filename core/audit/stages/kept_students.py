"""Students that another audit has trained: read from the cache, and added to it as they come.

A student follows from its documents, its training and the model pair. An audit that asks something
else of the same selections, such as another held-out source, trains none of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from assay.cache.files.precomputed import open_students
from assay.cache.files.row_cache import RowStore
from assay.core.audit.context import AuditContext
from assay.core.audit.precomputed import with_cached_rows
from assay.core.audit.stages.student_training import StudentResult, StudentTask
from assay.core.models.examples import Predictions, TextDocument
from assay.core.models.training import Epoch
from assay.core.specs.hashing import content_key
from assay.core.specs.training import StudentAdapter

# Part of the key: raise it when the same task would give another student.
_VERSION = 1

_Train = Callable[[Sequence[StudentTask]], Iterator[StudentResult]]


def kept_or_trained(
    audit: AuditContext,
    tasks: Sequence[StudentTask],
    evaluation: Sequence[TextDocument],
    train: _Train,
) -> Iterator[StudentResult]:
    """The result of each task: those that the cache holds first, then those of ``train``.

    Each new one is committed before it is yielded, so that a killed run keeps it.
    """
    key = _file_key(audit, evaluation)
    keys = {task.name: _row_key(task) for task in tasks}

    def with_students(use: Callable[[RowStore], Any]) -> Any:
        return with_cached_rows(open_students, audit.store, key, "student", audit.progress, use)

    def look(kept: RowStore) -> dict[str, StudentResult]:
        names = list(keys)
        missing = {names[position] for position in kept.missing(list(keys.values()))}
        there = [name for name in names if name not in missing]
        if not there:
            return {}
        rows = kept.find([keys[name] for name in there]).to_pylist()
        return {name: _from_row(name, row) for name, row in zip(there, rows, strict=True)}

    found = with_students(look)
    yield from found.values()
    for result in train([task for task in tasks if task.name not in found]):

        def keep(kept: RowStore, result: StudentResult = result) -> None:
            # Another audit may have trained the same student meanwhile.
            if kept.missing([keys[result.name]]):
                kept.append([keys[result.name]], _to_row(result), {})

        with_students(keep)
        yield result


def _file_key(audit: AuditContext, evaluation: Sequence[TextDocument]) -> str:
    question = audit.question
    return content_key(
        "students",
        _VERSION,
        *question.of_models,
        question.training.max_tokens,
        question.compute.precision,
        question.compute.training_precision,
        [asdict(document) for document in evaluation],
    )[:32]


def _row_key(task: StudentTask) -> str:
    """Of everything but the task's name."""
    asked = asdict(replace(task, name=""))
    if task.adapter is StudentAdapter.NONE:
        del asked["adapter"]  # as students from before adapters are named
    return content_key("student", _VERSION, asked)


def _to_row(result: StudentResult) -> dict[str, list[Any]]:
    epochs, said = result.epochs, result.predictions
    is_validated = all(epoch.validation_loss is not None for epoch in epochs)
    return {
        "losses": [said.losses],
        "n_targets": [said.n_targets],
        "choices": [said.choices],
        "label_names": [list(result.label_names)],
        "train_losses": [[epoch.train_loss for epoch in epochs]],
        "validation_losses": [[e.validation_loss for e in epochs] if is_validated else None],
        "best_epochs": [[epoch.epoch for epoch in epochs if epoch.is_best]],
        "weight_cosine": [result.weight_cosine],
        "unseen_cosine": [result.unseen_cosine],
        "duration_s": [result.duration_s],
    }


def _from_row(name: str, row: dict[str, Any]) -> StudentResult:
    n_epochs = len(row["train_losses"])
    validation = row["validation_losses"] or [None] * n_epochs
    epochs = tuple(
        Epoch(at, row["train_losses"][at], validation[at], at in row["best_epochs"])
        for at in range(n_epochs)
    )
    predictions = Predictions(
        np.array(row["losses"], np.float64),
        np.array(row["n_targets"], np.int64),
        np.array(row["choices"], np.int64),
    )
    return StudentResult(
        name,
        predictions,
        row["weight_cosine"],
        tuple(row["label_names"]),
        epochs,
        row["duration_s"],
        row["unseen_cosine"],
    )
