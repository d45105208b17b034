"""Stages that ask which of several corpora, and which classes, explain the weight difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.gradient_request import read_features
from assay.core.audit.resolved_audit import ResolvedAudit
from assay.core.audit.stages.student_training import StudentTask
from assay.core.audit.stages.students import n_student_units, student_task, students
from assay.core.gradients.features import GradientFeatures
from assay.core.gradients.group_mixture import fit_groups, redrawn
from assay.core.models.training_record import TrainingRecord
from assay.core.runtime.progress import Progress

_N_DRAWS = 200
_INTERVAL = (0.025, 0.975)


def rank_groups(question: ResolvedAudit, builder: AuditBuilder, progress: Progress) -> None:
    """Cosine and mixture share of every source and class, with intervals and chance beside."""
    if question.spec.corpora is None or builder.is_done("groups"):
        return
    columns = builder.columns(
        "SELECT source, pseudolabel::BIGINT AS label FROM documents JOIN scores "
        "USING (document_id) ORDER BY document_id"
    )
    kinds = {"source": np.asarray(columns["source"], str)}
    if not np.ma.is_masked(columns["label"]):
        kinds["class"] = np.asarray(columns["label"]).astype(str)
    with progress.stage("rank corpora", len(kinds) * 2 * _N_DRAWS), builder.stage("groups"):
        features = read_features(builder, question.spec)
        for kind, names in kinds.items():
            _write_groups(question, builder, features, kind, names, progress)


def _write_groups(
    question: ResolvedAudit,
    builder: AuditBuilder,
    features: GradientFeatures,
    kind: str,
    names: NDArray[np.str_],
    progress: Progress,
) -> None:
    unique, groups = np.unique(names, return_inverse=True)
    once = np.ones(len(groups))
    fit = fit_groups(features, groups, once)
    generator = np.random.default_rng(question.spec.seed)
    cosines, shares, nulls = [], [], []
    for _ in range(_N_DRAWS):
        drawn = fit_groups(features, groups, redrawn(generator, groups))
        cosines.append(drawn.cosines)
        shares.append(drawn.shares)
        nulls.append(fit_groups(features, generator.permutation(groups), once).cosines)
        progress.advance(2)
    (low, high), (share_low, share_high), (null_low, null_high) = (
        np.quantile(draws, _INTERVAL, axis=0) for draws in (cosines, shares, nulls)
    )
    true_shares = _true_shares(builder) if kind == "class" else {}
    builder.write(
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


def _true_shares(builder: AuditBuilder) -> dict[str, float]:
    """Of the reference set's labels, where they are known."""
    rows = builder.rows(
        "SELECT label::VARCHAR, count(*) / sum(count(*)) OVER () FROM reference_documents "
        "WHERE label IS NOT NULL GROUP BY 1"
    )
    return {label: float(share) for label, share in rows}


def train_source_students(
    question: ResolvedAudit, builder: AuditBuilder, progress: Progress
) -> None:
    """Models trained on half of each source: what the true one's other half would reach."""
    if question.spec.corpora is None:
        return
    sources = [row[0] for row in builder.rows("SELECT DISTINCT source FROM documents ORDER BY 1")]
    seeds = range(question.spec.corpora.n_students)
    halves = {
        f"{source} #{seed}": (source, seed)
        for source in sources
        for seed in seeds
        if not builder.is_done(_stage(source, seed))
    }
    tasks = [_half_task(question, builder, name, *half) for name, half in halves.items()]
    n_documents = {task.name: len(task.documents) for task in tasks}
    with progress.stage("source students", n_student_units(tasks)):
        for result, _ in students(question, builder, tasks, progress):
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


def _half_task(
    question: ResolvedAudit, builder: AuditBuilder, name: str, source: str, seed: int
) -> StudentTask:
    rows = builder.rows(
        "SELECT document_id, 1.0 FROM documents WHERE source = ? ORDER BY document_id", [source]
    )
    order = np.random.default_rng([question.spec.seed, seed]).permutation(len(rows))
    half = len(rows) // 2

    def part(positions: Sequence[int]) -> StudentTask:
        return student_task(question, builder, name, [rows[position] for position in positions])

    training = question.training
    n_final = _n_training_documents(question, builder)
    if n_final:
        # As many steps as the final model took: a gradient's cosine falls with every step.
        training = replace(training, n_epochs=max(1, round(training.n_epochs * n_final / half)))
    return replace(
        part(order[:half].tolist()),
        training=replace(training, seed=seed),
        is_stopping_early=False,
        unseen=part(order[half:].tolist()).documents,
    )


def _n_training_documents(question: ResolvedAudit, builder: AuditBuilder) -> int | None:
    """What the final model was trained on, as far as that is known."""
    record = TrainingRecord.read(question.final)
    if record:
        return record.n_documents
    ((n_reference,),) = builder.rows("SELECT count(*) FROM reference_documents")
    return int(n_reference) or None
