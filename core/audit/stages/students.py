"""Students, one per selection: several in parallel processes, or one by one in this process.

Each uses one thread: on two cores, two one-thread processes train 1.6 times as fast as one process
with two threads (docs/PERFORMANCE.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.core.audit.context import AuditContext, text_document
from assay.core.audit.memory_needs import n_students_fitting
from assay.core.audit.metrics.rows import MetricRow, write_metrics
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.audit.stages.kept_students import kept_or_trained
from assay.core.audit.stages.predictions import (
    PredictionMetrics,
    evaluation_documents,
    weight_cosine,
)
from assay.core.audit.stages.student_training import StudentResult, StudentTask, train_student
from assay.core.models.examples import TextDocument
from assay.core.models.loading import ModelPair, load_pair
from assay.core.runtime.device import Compute
from assay.core.runtime.parallel import as_they_come, context, processes
from assay.core.runtime.settings import count_from
from assay.core.specs.audit import InitialHead
from assay.core.specs.data import Task
from assay.core.specs.strategies import Strategy


@dataclass(frozen=True)
class ModelPairSource:
    """What is needed to load both models of an audit, here or in a student's process."""

    base: Path
    final: Path
    task: Task
    max_tokens: int
    compute: Compute
    label_words: tuple[str, ...] | None
    initial_head: InitialHead = InitialHead.UNKNOWN

    @classmethod
    def of(cls, question: ResolvedAudit) -> ModelPairSource:
        return cls(
            question.base,
            question.final,
            question.spec.task,
            question.training.max_tokens,
            question.compute,
            question.spec.label_words,
            question.spec.initial_head,
        )

    def load(self) -> ModelPair:
        return load_pair(
            self.base,
            self.final,
            self.task,
            self.max_tokens,
            self.compute,
            self.label_words,
            self.initial_head,
        )


def train_students(
    tasks: Sequence[StudentTask],
    base: ModelPairSource,
    evaluation: Sequence[TextDocument],
    after_units: Callable[[int], None],
    n_fitting: int | None = None,
) -> Iterator[StudentResult]:
    """Results as they arrive, in any order; ``after_units`` counts documents trained on.

    A student depends only on its task, not on which process trains it or when. On a CPU there are
    as many processes as cores (``ASSAY_WORKERS`` overrides), each with the base model and a student
    in memory, but at most ``n_fitting``. If one process is enough, on a GPU, and where models may
    be split over devices, it is this one.
    """
    n_most = count_from("ASSAY_WORKERS") or max(1, os.cpu_count() or 1)
    n_most = n_most if n_fitting is None else min(n_most, n_fitting)
    is_apart = base.compute.device == "cpu" and base.compute.rooms is None
    n_workers = min(len(tasks), n_most) if is_apart else 1
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
        # A GPU need not hold two more models beside a student, its gradients and its optimizer.
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
    base: ModelPairSource,
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


def _start_worker(
    base: ModelPairSource, evaluation: tuple[TextDocument, ...], n_trained: Any
) -> None:
    torch.set_num_threads(1)
    _worker.update(pair=base.load(), evaluation=evaluation, n_trained=n_trained)


def _train_one(task: StudentTask) -> StudentResult:
    counter = _worker["n_trained"]

    def count(n_units: int) -> None:
        with counter.get_lock():
            counter.value += n_units

    return train_student(task, _worker["pair"], _worker["evaluation"], count)


def train_all_students(audit: AuditContext) -> None:
    """Train one student per strategy, and further random ones; none if not asked for."""
    spec, builder = audit.spec, audit.builder
    if not spec.n_student_epochs:
        return
    more = dict(_more_random(audit))
    asked = spec.strategies_of_students
    left = [n for n in (*asked, *more) if not builder.is_done(f"student: {n}")]
    tasks = [more[n] if n in more else _student_task(audit, Strategy(n)) for n in left]
    # A strategy for which no document points towards the difference selects none.
    tasks = [task for task in tasks if task.documents]
    with audit.progress.stage("students", n_student_units(tasks)):
        for result, metrics, outcomes in students(audit, tasks):
            with builder.stage(f"student: {result.name}", result.duration_s):
                builder.write(
                    "student_epochs",
                    {
                        "strategy": [result.name] * len(result.epochs),
                        "epoch": [epoch.epoch for epoch in result.epochs],
                        "train_loss": [epoch.train_loss for epoch in result.epochs],
                        "validation_loss": [epoch.validation_loss for epoch in result.epochs],
                        "is_best": [epoch.is_best for epoch in result.epochs],
                    },
                )
                n = len(outcomes)
                builder.write(
                    "student_outcomes",
                    {
                        "student": [result.name] * n,
                        "document": np.arange(n),
                        "outcome": outcomes,
                        "n_targets": result.predictions.n_targets,
                    },
                )
                if result.name not in more:
                    write_metrics(builder, metrics)


def _more_random(audit: AuditContext) -> Iterator[tuple[str, StudentTask]]:
    """Students of further random selections, each trained with its own seed.

    So everything varies between random students that can vary. A titration does not need them,
    because its draws show the variation.
    """
    spec = audit.spec
    asked = spec.strategies_of_students
    if Strategy.RANDOM not in asked or spec.titration or spec.corpora:
        return
    if len(asked) == 1:
        return  # there is nothing to compare
    for number in range(2, spec.n_random_students + 1):
        # Far from spec.seed and from the seeds of the null's draws.
        generator = np.random.default_rng([spec.seed, number, 3])
        chosen = generator.permutation(audit.n_documents)[: spec.budget].tolist()
        name = f"{Strategy.RANDOM} #{number}"
        task = student_task(audit, name, chosen, [1.0] * len(chosen))
        seed = task.training.seed + number - 1
        yield name, replace(task, training=replace(task.training, seed=seed))


def students(
    audit: AuditContext, tasks: Sequence[StudentTask]
) -> Iterator[tuple[StudentResult, list[MetricRow], NDArray[np.float64]]]:
    """Train students when they are asked for, and evaluate each.

    Yields its metrics, and its results on each evaluation document, (n).
    """
    base = ModelPairSource.of(audit.question)
    documents = evaluation_documents(audit)
    choices = np.asarray(audit.builder.meta("evaluation_choices"))

    def train(left: Sequence[StudentTask]) -> Iterator[StudentResult]:
        # Those found in the cache are done.
        audit.progress.advance(n_student_units(tasks) - n_student_units(left))
        n_fitting = n_students_fitting(audit.question, audit.memory)
        return train_students(left, base, documents, audit.progress.advance, n_fitting)

    for result in kept_or_trained(audit, tasks, documents, train):
        judge = PredictionMetrics(audit.spec, documents, choices, result.label_names)
        yield (
            result,
            [
                *judge.rows(result.name, result.predictions),
                weight_cosine(result.name, result.weight_cosine),
            ],
            judge.outcomes(result.predictions),
        )


def n_student_units(tasks: Sequence[StudentTask]) -> int:
    """The number of documents the students will train on, times epochs."""
    return sum(len(task.documents) * task.training.n_epochs for task in tasks)


def _student_task(audit: AuditContext, strategy: Strategy) -> StudentTask:
    selected = audit.rows.selection(strategy)
    return student_task(audit, str(strategy), selected.documents, selected.weights)


def student_task(
    audit: AuditContext, name: str, documents: Sequence[int], weights: Sequence[float]
) -> StudentTask:
    """Train on documents of the corpus, each with its weight, labelled by the final model."""
    spec, known = audit.spec, audit.rows.labelled(documents)
    return StudentTask(
        name,
        tuple(text_document(known[document_id]) for document_id in documents),
        tuple(weights),
        replace(audit.training, n_epochs=spec.n_student_epochs),
        spec.is_stopping_early,
        adapter=spec.student_adapter,
    )
