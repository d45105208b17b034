"""One student: the base model trained on a selection, and its results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from assay.core.audit.gradient_request import PROJECTION_SEED, STORED_DIMENSION
from assay.core.models.classifier import Classifier
from assay.core.models.examples import Predictions, TextDocument
from assay.core.models.loading import ModelPair
from assay.core.models.lora import with_lora
from assay.core.models.per_example_gradients import (
    ClassifierGradients,
    GradientModels,
    LanguageGradients,
)
from assay.core.models.text_model import TextModel
from assay.core.models.training import Epoch, fine_tune
from assay.core.specs.training import StudentAdapter, TrainingSpec

_VALIDATION_SHARE = 0.1
_PATIENCE = 3


@dataclass(frozen=True)
class StudentTask:
    """Train on a selection's documents, labelled by the final model if it gives labels.

    ``name`` is unique among the tasks that are trained together. ``unseen``: documents whose
    gradients are compared with the student's own weight difference.
    """

    name: str
    documents: tuple[TextDocument, ...]
    weights: tuple[float, ...]
    training: TrainingSpec
    is_stopping_early: bool
    unseen: tuple[TextDocument, ...] = ()
    adapter: StudentAdapter = StudentAdapter.NONE


@dataclass(frozen=True)
class StudentResult:
    """What a student predicts for the evaluation documents, and the course of its training.

    ``weight_cosine``: between the student's weight difference and the final model's.
    ``unseen_cosine``: between the unseen documents' summed gradient and the student's own weight
    difference, at the last layer; None without such documents.
    """

    name: str
    predictions: Predictions
    weight_cosine: float
    label_names: tuple[str, ...]
    epochs: tuple[Epoch, ...]
    duration_s: float
    unseen_cosine: float | None = None


def train_student(
    task: StudentTask,
    pair: ModelPair,
    evaluation: tuple[TextDocument, ...],
    after_units: Callable[[int], None],
) -> StudentResult:
    """Train a copy of the pair's base model; ``after_units`` counts documents trained on.

    If the base has no head, the student draws its own. The pair may be kept in the host's memory;
    the student is on the device that runs models.
    """
    started_at = time.monotonic()
    student = pair.student(task.training.seed)
    student.gather()
    train, validation = _split(task)
    with _as_asked(student, pair, task), _in_place(student):
        epochs = fine_tune(
            student,
            student.examples([task.documents[index] for index in train]),
            task.training,
            weights=[task.weights[index] for index in train],
            validation=student.examples([task.documents[index] for index in validation])
            if validation
            else None,
            patience=_PATIENCE,
            after_batch=lambda: after_units(task.training.batch_size),
        )
    student.move_to(student.compute.device)
    return StudentResult(
        task.name,
        student.predict(student.examples(evaluation)),
        _weight_cosine(pair, student),
        student.label_names,
        epochs,
        time.monotonic() - started_at,
        _unseen_cosine(pair, student, task.unseen),
    )


@contextmanager
def _in_place(student: TextModel) -> Iterator[None]:
    """The student on its devices. Adapters are put into whole models, and merged in them."""
    student.move_to(student.compute.device)
    try:
        yield
    finally:
        student.gather()


def _as_asked(
    student: TextModel, pair: ModelPair, task: StudentTask
) -> AbstractContextManager[None]:
    if task.adapter is StudentAdapter.LORA:
        return with_lora(student, pair.drawn, task.training.seed)
    return nullcontext()


def _unseen_cosine(
    pair: ModelPair, student: TextModel, documents: tuple[TextDocument, ...]
) -> float | None:
    if not documents:
        return None
    own = pair.with_final(student)
    own.base.move_to(student.compute.device)
    if isinstance(student, Classifier):
        gradients: GradientModels = ClassifierGradients(own)
    else:
        gradients = LanguageGradients(own, 1, STORED_DIMENSION, PROJECTION_SEED)
    cosine = gradients.cosine_of_sum(documents)
    own.base.move_to("cpu")
    return cosine


def _weight_cosine(pair: ModelPair, student: TextModel) -> float:
    """Cosine of student − base with final − base, over all weights.

    A head whose initial values are unknown is left out.
    """
    product = ours = theirs = 0.0
    with torch.inference_mode():
        for name, value in student.parameters():
            if name in pair.drawn:
                continue
            start = pair.base.parameter(name)
            moved, wanted = ((end - start).double() for end in (value, pair.final.parameter(name)))
            product += float((moved * wanted).sum())
            ours += float((moved**2).sum())
            theirs += float((wanted**2).sum())
    return product / (ours * theirs) ** 0.5 if ours and theirs else 0.0


def _split(task: StudentTask) -> tuple[list[int], list[int]]:
    """Training and validation positions: a tenth is held out, at least one document."""
    if not task.is_stopping_early:
        return list(range(len(task.documents))), []
    order = np.random.default_rng(task.training.seed).permutation(len(task.documents)).tolist()
    n_validation = max(1, round(_VALIDATION_SHARE * len(order)))
    if len(order) == 1:
        return order, order
    return order[n_validation:], order[:n_validation]
