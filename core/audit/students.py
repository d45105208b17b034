"""Students: the base model retrained on each selection, several at once in their own processes.

Each process uses one thread: on two cores, two one-thread processes train 1.6 times as fast as one
process with two threads (docs/RESULTS.md).
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.audit.features import PROJECTION_SEED, STORED_DIMENSION
from core.device import Compute
from core.models.classifier import Classifier
from core.models.examples import Predictions, TextDocument
from core.models.gradient_models import ClassifierGradients, LanguageGradients
from core.models.loading import ModelPair, load_pair
from core.models.text_model import TextModel
from core.models.training import Epoch, fine_tune
from core.specs import Task, TrainingSpec

_VALIDATION_SHARE = 0.1
_PATIENCE = 3


@dataclass(frozen=True)
class StudentTask:
    """Train on a selection's documents, labelled by the final model where it gives labels.

    ``name`` is unique among the tasks trained together. ``unseen``: documents whose gradients are
    held against the student's own weight difference.
    """

    name: str
    documents: tuple[TextDocument, ...]
    weights: tuple[float, ...]
    training: TrainingSpec
    is_stopping_early: bool
    unseen: tuple[TextDocument, ...] = ()


@dataclass(frozen=True)
class StudentResult:
    """What a student says of the evaluation documents, and the course of its training.

    ``weight_cosine``: of its weights' difference from the base with the final model's.
    ``unseen_cosine``: of the unseen documents' summed gradient with its own difference, at the last
    layer; None without such documents.
    """

    name: str
    predictions: Predictions
    weight_cosine: float
    label_names: tuple[str, ...]
    epochs: tuple[Epoch, ...]
    duration_s: float
    unseen_cosine: float | None = None


@dataclass(frozen=True)
class BaseModel:
    """What a worker process needs to load the base model as the audit did."""

    base: Path
    final: Path
    task: Task
    max_tokens: int
    compute: Compute
    label_words: tuple[str, ...] | None


def train_students(
    tasks: Sequence[StudentTask],
    base: BaseModel,
    evaluation: Sequence[TextDocument],
    after_units: Callable[[int], None],
) -> Iterator[StudentResult]:
    """Results as they come, in no order; ``after_units`` counts documents trained on.

    What a student becomes depends on its task alone, not on which process trains it or when. On a
    CPU there are as many processes as cores (``ASSAY_WORKERS`` overrides), each with the base model
    and a student in memory.
    """
    if not tasks:
        return
    context = multiprocessing.get_context("spawn")
    n_trained = context.Value("q", 0)
    on_cpu = base.compute.device == "cpu"
    n_most = int(os.environ.get("ASSAY_WORKERS") or max(1, os.cpu_count() or 1))
    n_workers = min(len(tasks), n_most) if on_cpu else 1
    pool = ProcessPoolExecutor(
        n_workers,
        mp_context=context,
        initializer=_start_worker,
        initargs=(base, tuple(evaluation), n_trained, os.getpid()),
    )
    try:
        waiting = {pool.submit(_train_one, task) for task in tasks}
        n_reported = 0
        while waiting:
            done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            n_now = n_trained.value
            after_units(n_now - n_reported)
            n_reported = n_now
            for future in done:
                yield future.result()
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_worker: dict[str, Any] = {}


def _start_worker(
    base: BaseModel, evaluation: tuple[TextDocument, ...], n_trained: Any, parent: int
) -> None:
    _end_with(parent)
    torch.set_num_threads(1)
    pair = load_pair(
        base.base, base.final, base.task, base.max_tokens, base.compute, base.label_words
    )
    _worker.update(pair=pair, evaluation=evaluation, n_trained=n_trained)


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would wait for it for ever; this ends it within seconds."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _train_one(task: StudentTask) -> StudentResult:
    started_at = time.monotonic()
    pair: ModelPair = _worker["pair"]
    student = copy.deepcopy(pair.base)
    counter = _worker["n_trained"]

    def count() -> None:
        with counter.get_lock():
            counter.value += task.training.batch_size

    train, validation = _split(task)
    epochs = fine_tune(
        student,
        student.examples([task.documents[index] for index in train]),
        task.training,
        weights=[task.weights[index] for index in train],
        validation=student.examples([task.documents[index] for index in validation])
        if validation
        else None,
        patience=_PATIENCE,
        after_batch=count,
    )
    return StudentResult(
        task.name,
        student.predict(student.examples(_worker["evaluation"])),
        _weight_cosine(pair, student),
        student.label_names,
        epochs,
        time.monotonic() - started_at,
        _unseen_cosine(pair, student, task.unseen),
    )


def _unseen_cosine(
    pair: ModelPair, student: TextModel, documents: tuple[TextDocument, ...]
) -> float | None:
    if not documents:
        return None
    own = ModelPair(pair.base, student)
    if isinstance(student, Classifier):
        return ClassifierGradients(own).cosine_of_sum(documents)
    return LanguageGradients(own, 1, STORED_DIMENSION, PROJECTION_SEED).cosine_of_sum(documents)


def _weight_cosine(pair: ModelPair, student: TextModel) -> float:
    """Cosine of all weights' differences, student − base with final − base."""
    final, trained = (dict(m.model.named_parameters()) for m in (pair.final, student))
    product = ours = theirs = 0.0
    with torch.inference_mode():
        for name, start in pair.base.model.named_parameters():
            moved, wanted = (trained[name] - start).double(), (final[name] - start).double()
            product += float((moved * wanted).sum())
            ours += float((moved**2).sum())
            theirs += float((wanted**2).sum())
    return product / (ours * theirs) ** 0.5 if ours and theirs else 0.0


def _split(task: StudentTask) -> tuple[list[int], list[int]]:
    """Training and validation positions: a tenth is held back, at least one document."""
    if not task.is_stopping_early:
        return list(range(len(task.documents))), []
    order = np.random.default_rng(task.training.seed).permutation(len(task.documents)).tolist()
    n_validation = max(1, round(_VALIDATION_SHARE * len(order)))
    if len(order) == 1:
        return order, order
    return order[n_validation:], order[:n_validation]
