"""Stages that rank how well corpora and classes explain the weight difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.core.audit.context import AuditContext
from assay.core.audit.stages.student_training import StudentTask
from assay.core.audit.stages.students import n_student_units, student_task, students
from assay.core.gradients.features import GradientFeatures
from assay.core.gradients.group_mixture import cosine_intervals, fit_groups, redrawn_shares
from assay.core.models.training_record import TrainingRecord
from assay.core.stats.intervals import random_band

_N_DRAWS = 199
_INTERVAL = (0.025, 0.975)


def rank_groups(audit: AuditContext) -> None:
    """Cosine and mixture share of every source and class, with intervals and chance."""
    if audit.spec.corpora is None or audit.builder.is_done("groups"):
        return
    kinds = {"source": audit.rows.source_of_each()}
    labels = audit.scores.pseudolabels
    if (labels >= 0).all():
        kinds["class"] = labels.astype(str)
    with audit.stage("rank corpora", len(kinds) * 2 * _N_DRAWS, "groups"):
        features = audit.features()
        for kind, names in kinds.items():
            _write_groups(audit, features, kind, names)


def _write_groups(
    audit: AuditContext, features: GradientFeatures, kind: str, names: NDArray[np.str_]
) -> None:
    unique, groups = np.unique(names, return_inverse=True)
    once = np.ones(len(groups))
    fit = fit_groups(features, groups, once)
    generator = np.random.default_rng(audit.spec.seed)
    low, high = cosine_intervals(features, groups, generator)
    shares, nulls = [], []
    for drawn in redrawn_shares(features, groups, generator, _N_DRAWS):
        shares.append(drawn)
        nulls.append(fit_groups(features, generator.permutation(groups), once).cosines)
        audit.progress.advance(2)
    share_low, share_high = np.quantile(shares, _INTERVAL, axis=0)
    # A share at the edge of its draws is still inside the interval.
    share_low, share_high = np.minimum(share_low, fit.shares), np.maximum(share_high, fit.shares)
    bands = [random_band(own) for own in np.array(nulls).T]
    null_low, null_high = ([getattr(band, end) for band in bands] for end in ("low", "high"))
    true_shares = _true_shares(audit) if kind == "class" else {}
    audit.builder.write(
        "groups",
        {
            "kind": [kind] * len(unique),
            "name": unique.tolist(),
            "n_documents": np.bincount(groups),
            "cosine": fit.cosines,
            "low": low,
            "high": high,
            "null_low": null_low,
            "null_high": null_high,
            "share": fit.shares,
            "share_low": share_low,
            "share_high": share_high,
            "centroid_share": fit.centroid_shares,
            "true_share": [true_shares.get(name) for name in unique],
        },
    )


def _true_shares(audit: AuditContext) -> dict[str, float]:
    """Shares of the reference set's labels, if they are known."""
    labels, counts = np.unique(audit.rows.reference_labels(), return_counts=True)
    return dict(zip(labels.astype(str), (counts / counts.sum()).tolist(), strict=True))


def train_source_students(audit: AuditContext) -> None:
    """Train models on half of each source, to show what the true one's other half would reach."""
    spec, builder = audit.spec, audit.builder
    if spec.corpora is None:
        return
    seeds = range(spec.corpora.n_students)
    halves = {
        f"{source} #{seed}": (source, seed)
        for source in audit.rows.sources()
        for seed in seeds
        if not builder.is_done(_stage(source, seed))
    }
    tasks = [_half_task(audit, name, *half) for name, half in halves.items()]
    n_documents = {task.name: len(task.documents) for task in tasks}
    with audit.progress.stage("source students", n_student_units(tasks)):
        for result, *_ in students(audit, tasks):
            source, seed = halves[result.name]
            with builder.stage(_stage(source, seed), result.duration_s):
                row = {
                    "source": source,
                    "seed": seed,
                    "n_documents": n_documents[result.name],
                    "cosine": result.unseen_cosine,
                }
                builder.write("source_students", {name: [value] for name, value in row.items()})


def _stage(source: str, seed: int) -> str:
    return f"source student: {source} #{seed}"


def _half_task(audit: AuditContext, name: str, source: str, seed: int) -> StudentTask:
    documents = audit.rows.documents_of(source)
    order = np.random.default_rng([audit.spec.seed, seed]).permutation(len(documents))
    half = len(documents) // 2

    def part(positions: Sequence[int]) -> StudentTask:
        chosen = [documents[position] for position in positions]
        return student_task(audit, name, chosen, [1.0] * len(chosen))

    training = audit.training
    n_final = n_training_documents(audit)
    if n_final:
        # As many steps as the final model took: a gradient's cosine falls with every step.
        training = replace(training, n_epochs=max(1, round(training.n_epochs * n_final / half)))
    return replace(
        part(order[:half].tolist()),
        training=replace(training, seed=seed),
        is_stopping_early=False,
        unseen=part(order[half:].tolist()).documents,
    )


def n_training_documents(audit: AuditContext) -> int | None:
    """The number of documents that the final model was trained on, as far as known."""
    record = TrainingRecord.read(audit.question.final)
    if record:
        return record.n_documents
    return audit.rows.n_reference() or None
