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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.device import Compute
from core.models.classifier import Classifier
from core.models.loading import load_pair
from core.models.training import Epoch, fine_tune, log_probabilities
from core.specs import TrainingSpec

_VALIDATION_SHARE = 0.1
_PATIENCE = 3


@dataclass(frozen=True)
class StudentTask:
    """Train on a selection's texts and pseudolabels, then predict ``evaluation``.

    ``name`` is unique among the tasks trained together.
    """

    name: str
    texts: tuple[str, ...]
    pseudolabels: tuple[int, ...]
    weights: tuple[float, ...]
    training: TrainingSpec
    is_stopping_early: bool


@dataclass(frozen=True)
class StudentResult:
    """log p(label | document) of the evaluation documents (n × C) and the course of training."""

    name: str
    log_probabilities: NDArray[np.float32]
    epochs: tuple[Epoch, ...]
    duration_s: float


@dataclass(frozen=True)
class BaseModel:
    """What a worker process needs to load the base model as the audit did."""

    base: str
    final: str
    max_tokens: int
    compute: Compute
    label_words: tuple[str, ...] | None


def train_students(
    tasks: Sequence[StudentTask],
    base: BaseModel,
    evaluation: Sequence[str],
    after_units: Callable[[int], None],
) -> Iterator[StudentResult]:
    """Results as they come, in no order; ``after_units`` counts documents trained on.

    What a student becomes depends on its task alone, not on which process trains it or when.
    """
    if not tasks:
        return
    context = multiprocessing.get_context("spawn")
    n_trained = context.Value("q", 0)
    on_cpu = base.compute.device == "cpu"
    n_workers = min(len(tasks), max(1, os.cpu_count() or 1)) if on_cpu else 1
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
    base: BaseModel, evaluation: tuple[str, ...], n_trained: Any, parent: int
) -> None:
    _end_with(parent)
    torch.set_num_threads(1)
    pair = load_pair(base.base, base.final, base.max_tokens, base.compute, base.label_words)
    _worker.update(base=pair.base, evaluation=evaluation, n_trained=n_trained)


def _end_with(parent: int) -> None:
    """A worker whose parent was killed would wait for it for ever; this ends it within seconds."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _train_one(task: StudentTask) -> StudentResult:
    started_at = time.monotonic()
    student: Classifier = copy.deepcopy(_worker["base"])
    counter = _worker["n_trained"]

    def count() -> None:
        with counter.get_lock():
            counter.value += task.training.batch_size

    train, validation = _split(task)
    epochs = fine_tune(
        student,
        [task.texts[index] for index in train],
        [task.pseudolabels[index] for index in train],
        task.training,
        weights=[task.weights[index] for index in train],
        validation=(
            [task.texts[index] for index in validation],
            [task.pseudolabels[index] for index in validation],
        )
        if validation
        else None,
        patience=_PATIENCE,
        after_batch=count,
    )
    predicted = log_probabilities(student, _worker["evaluation"])
    return StudentResult(task.name, predicted, epochs, time.monotonic() - started_at)


def _split(task: StudentTask) -> tuple[list[int], list[int]]:
    """Training and validation positions: a tenth is held back, at least one document."""
    if not task.is_stopping_early:
        return list(range(len(task.texts))), []
    order = np.random.default_rng(task.training.seed).permutation(len(task.texts)).tolist()
    n_validation = max(1, round(_VALIDATION_SHARE * len(order)))
    if len(order) == 1:
        return order, order
    return order[n_validation:], order[:n_validation]


def student_training(training: TrainingSpec, n_epochs: int) -> TrainingSpec:
    """The final model's hyperparameters with the students' number of epochs."""
    return replace(training, n_epochs=n_epochs)
