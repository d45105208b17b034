"""Students, one a selection: several at once in their own processes, or one by one in this one.

Each uses one thread: on two cores, two one-thread processes train 1.6 times as fast as one process
with two threads (docs/RESULTS.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from core.audit.student import StudentResult, StudentTask, train_student
from core.device import Compute
from core.models.examples import TextDocument
from core.models.loading import ModelPair, load_pair
from core.processes import as_they_come, context, processes
from core.specs import Task


@dataclass(frozen=True)
class BaseModel:
    """What is needed to load the base model as the audit did."""

    base: Path
    final: Path
    task: Task
    max_tokens: int
    compute: Compute
    label_words: tuple[str, ...] | None

    def load(self) -> ModelPair:
        return load_pair(
            self.base, self.final, self.task, self.max_tokens, self.compute, self.label_words
        )


def train_students(
    tasks: Sequence[StudentTask],
    base: BaseModel,
    evaluation: Sequence[TextDocument],
    after_units: Callable[[int], None],
) -> Iterator[StudentResult]:
    """Results as they come, in no order; ``after_units`` counts documents trained on.

    What a student becomes depends on its task alone, not on which process trains it or when. On a
    CPU there are as many processes as cores (``ASSAY_WORKERS`` overrides), each with the base model
    and a student in memory; where one would do, on a GPU too, it is this one.
    """
    n_most = int(os.environ.get("ASSAY_WORKERS") or max(1, os.cpu_count() or 1))
    n_workers = min(len(tasks), n_most) if base.compute.device == "cpu" else 1
    if n_workers > 1:
        yield from _train_apart(tasks, base, tuple(evaluation), after_units, n_workers)
    elif tasks:
        yield from _train_here(tasks, base.load(), tuple(evaluation), after_units)


def _train_here(
    tasks: Sequence[StudentTask],
    pair: ModelPair,
    evaluation: tuple[TextDocument, ...],
    after_units: Callable[[int], None],
) -> Iterator[StudentResult]:
    for model in (pair.base, pair.final):
        # Beside a student, its gradients and its optimizer a GPU need not hold two more models.
        model.move_to("cpu")
    for task in tasks:
        with _one_thread():
            result = train_student(task, pair, evaluation, after_units)
        yield result


@contextmanager
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _train_apart(
    tasks: Sequence[StudentTask],
    base: BaseModel,
    evaluation: tuple[TextDocument, ...],
    after_units: Callable[[int], None],
    n_workers: int,
) -> Iterator[StudentResult]:
    n_trained, n_reported = context.Value("q", 0), 0

    def report() -> None:
        nonlocal n_reported
        n_now = n_trained.value
        after_units(n_now - n_reported)
        n_reported = n_now

    with processes(n_workers, _start_worker, (base, evaluation, n_trained)) as pool:
        yield from as_they_come({pool.submit(_train_one, task) for task in tasks}, report)


_worker: dict[str, Any] = {}


def _start_worker(base: BaseModel, evaluation: tuple[TextDocument, ...], n_trained: Any) -> None:
    torch.set_num_threads(1)
    _worker.update(pair=base.load(), evaluation=evaluation, n_trained=n_trained)


def _train_one(task: StudentTask) -> StudentResult:
    counter = _worker["n_trained"]

    def count(n_units: int) -> None:
        with counter.get_lock():
            counter.value += n_units

    return train_student(task, _worker["pair"], _worker["evaluation"], count)
