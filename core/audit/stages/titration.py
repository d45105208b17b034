"""The stages of a titration: text alone, the grid, and students for its cells if asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from assay.cache.audits.writer import AuditBuilder
from assay.core.audit.context import AuditContext
from assay.core.audit.stages.students import n_student_units, student_task, students
from assay.core.selection.inputs import SelectionInputs
from assay.core.selection.titration import Cell, Corpus, titrate
from assay.core.similarity.vectors import Vectors
from assay.core.specs.audit import AuditSpec
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND
from assay.core.stats.blind_baseline import blind_scores
from assay.core.stats.selection_metrics import Measurement

_COLUMNS = tuple(Measurement.__dataclass_fields__)


@dataclass(frozen=True)
class Point:
    """A cell of the grid."""

    leaked_share: float
    budget: int
    selector: str
    seed: int

    def __str__(self) -> str:
        return f"{self.selector}, {self.leaked_share:.4g} leaked, {self.budget} of seed {self.seed}"


def score_text_alone(audit: AuditContext) -> None:
    """Predict each document's role from its words; nothing if the corpus has only one role."""
    if audit.builder.is_done("text alone"):
        return
    with audit.stage("text alone", 0):
        known = audit.roles
        roles = np.select([known.is_trained, known.is_held_out], [0, 1], 2)
        scores = None
        if known.is_trained.any():
            scores = blind_scores(audit.rows.each_text, roles, 3, audit.spec.seed)
        if scores is not None:
            audit.builder.write(
                "blind_scores",
                {
                    "document_id": np.arange(len(roles)),
                    "p_trained": scores[:, 0],
                    "p_held_out": scores[:, 1],
                },
            )


def measure_grid(audit: AuditContext) -> None:
    """Fill ``titration_grid``, committing one share and seed at a time; nothing if not a titration.

    Only share and seed determine the pool; a killed run continues at the next pair of them.
    """
    builder, progress = audit.builder, audit.progress
    points = list(_points(audit.spec))
    if not points:
        return
    corpus = _corpus(audit)
    with progress.stage("titration", len(points)):
        for share, seed in dict.fromkeys((point.leaked_share, point.seed) for point in points):
            own = [p for p in points if (p.leaked_share, p.seed) == (share, seed)]
            name = f"titration: {share:.4g} leaked, seed {seed}"
            if not builder.is_done(name):
                with builder.stage(name):
                    for point in own:
                        _write(builder, point, _cell(corpus, point).figures)
            progress.advance(len(own))


def train_grid_students(audit: AuditContext) -> None:
    """Train a student for every cell of the grid, if students are asked for.

    Students of an ordinary audit are those of its selections, not of the titration beside it.
    """
    if audit.spec.titration is None:
        return
    builder = audit.builder
    points = {f"student: {point}": point for point in _points(audit.spec)}
    left = {name: point for name, point in points.items() if not builder.is_done(name)}
    if not audit.spec.n_student_epochs or not left:
        return
    corpus = _corpus(audit)
    tasks = []
    for name, point in left.items():
        cell = _cell(corpus, point)
        if not len(cell.documents):
            continue
        tasks.append(student_task(audit, name, cell.documents.tolist(), cell.weights.tolist()))
    with audit.progress.stage("titration students", n_student_units(tasks)):
        for result, metrics, _ in students(audit, tasks):
            with builder.stage(result.name, result.duration_s):
                kept = {row.metric: row for row in metrics if row.n is not None}
                _write(builder, left[result.name], kept)


def _points(spec: AuditSpec) -> Iterator[Point]:
    grid = spec.grid
    if grid is None:
        return
    for share in grid.leaked_shares:
        for seed in range(spec.seed, spec.seed + grid.n_seeds):
            for budget in grid.budgets:
                for selector in (*spec.strategies, BLIND):
                    yield Point(share, budget, selector, seed)


def _corpus(audit: AuditContext) -> Corpus:
    """As ``Corpus.of`` reads the sealed file, but gradients are on disk where they do not fit, and
    embeddings always are."""
    blind = audit.rows.blind_scores()
    return Corpus(
        SelectionInputs(
            audit.gradients.last_layers(),
            audit.scores.pseudolabels,
            audit.scores.base_losses,
            audit.rows.own_scores(),
            audit.gradients.at_embeddings(),
        ),
        audit.roles.is_trained,
        audit.roles.is_held_out,
        np.stack([blind.p_trained, blind.p_held_out], axis=1) if len(blind.p_trained) else None,
        _embeddings(audit, "seed-corpus"),
        _embeddings(audit, "reference"),
        audit.training.batch_size,
    )


def _embeddings(audit: AuditContext, set_name: str) -> Vectors | None:
    if not audit.rows.n_of(set_name):
        return None
    return audit.builder.spilled("embeddings", {"set_name": set_name})


def _cell(corpus: Corpus, point: Point) -> Cell:
    return titrate(corpus, point.leaked_share, point.budget, point.selector, point.seed)


def _write(builder: AuditBuilder, point: Point, figures: Mapping[Metric, Measurement]) -> None:
    if not figures:
        return
    found = {str(metric): asdict(figure) for metric, figure in figures.items()}
    where = {
        "leaked_share": point.leaked_share,
        "budget": point.budget,
        "strategy": str(point.selector),
        "seed": point.seed,
    }
    builder.write(
        "titration_grid",
        {
            **{name: [value] * len(found) for name, value in where.items()},
            "metric": list(found),
            **{name: [figure[name] for figure in found.values()] for name in _COLUMNS},
        },
    )
