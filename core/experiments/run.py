"""Runs a recipe, cell by cell, each a fine-tuning and an audit, into one sealed file."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from assay.cache.experiments.cells import forget_list
from assay.cache.experiments.read import ExperimentBuilder
from assay.cache.experiments.schema import EXPERIMENT_SCHEMA_VERSION
from assay.cache.files.builder import alone, built
from assay.cache.files.sealed import sealed_experiment
from assay.cache.store import Store
from assay.core.audit.finetune import finetune_key
from assay.core.audit.provenance import environment
from assay.core.audit.resolved_audit import asked_of, data_digests
from assay.core.experiments.catalogue import Catalogue, paper_titles
from assay.core.experiments.cell import make_cell, make_cells
from assay.core.experiments.cluster import make_on_cluster
from assay.core.experiments.grid import Cell, cells_of
from assay.core.experiments.measurements import measurements_of
from assay.core.experiments.recipes import Recipe
from assay.core.runtime.device import Compute
from assay.core.runtime.outcome import Outcome
from assay.core.runtime.progress import Progress
from assay.core.specs.audit_checks import check_audit
from assay.core.specs.compute import HERE, Spread
from assay.core.specs.hashing import content_key
from assay.core.specs.results.experiment import ExperimentResult

# Raise it when the same cells would give other values.
_VERSION = 4


def run_experiment(
    recipe: Recipe,
    catalogue: Catalogue,
    n_seeds: int,
    store: Store,
    compute: Compute,
    progress: Progress,
    n_at_once: int = 1,
    spread: Spread = HERE,
) -> Outcome:
    """Compute what is missing of the grid, seal the file and say where it is.

    ``n_at_once`` cells are made in parallel, each in its own process; over a cluster, as many on
    each machine. A complete experiment of the
    same contents is returned unchanged; a killed one continues at the cell and stage that it had
    reached. InputError for unusable input.
    """
    cells = cells_of(recipe, catalogue, n_seeds)
    for name in catalogue.left_out(recipe):
        progress.note(f"{paper_titles()[name]} is not available at this scale and is left out")
    keys = [_cell_key(cell, store, compute) for cell in cells]
    key = content_key("experiment", _VERSION, EXPERIMENT_SCHEMA_VERSION, recipe.name, keys)
    experiment_id = f"{recipe.name}-{catalogue.scale}-{key[:10]}"
    waiting = "waiting for the same experiment"
    with alone(store, experiment_id, lambda: progress.note(waiting)):
        path = sealed_experiment(store, experiment_id)
        was_there = path is not None
        if path is None:

            def build() -> Path:
                with ExperimentBuilder(store, experiment_id) as builder:
                    left = [cell for cell in cells if not builder.is_done(cell.name)]
                    if left and spread != HERE:
                        make_on_cluster(
                            left, experiment_id, store, compute, n_at_once, progress, spread
                        )
                    elif left and n_at_once > 1:
                        make_cells(left, experiment_id, store, compute, n_at_once, progress)
                    for cell in left:
                        own = _OfCell(progress, cell.name)
                        _measure(recipe, cell, builder, store, compute, own)
                    _describe(recipe, catalogue, n_seeds, builder, compute)
                    sealed = builder.seal()
                forget_list(store, experiment_id)
                return sealed

            path = built(build)
        return Outcome(experiment_id, path, was_there, {"n_cells": len(cells)})


def _cell_key(cell: Cell, store: Store, compute: Compute) -> str:
    """Everything that a cell's values depend on, known before its final model is made."""
    check_audit(cell.audit)
    return content_key(
        cell.name,
        finetune_key(cell.finetune, store.models, compute),
        asked_of(cell.audit),
        asdict(cell.audit.training or cell.finetune.training),
        data_digests(cell.audit),
    )


def _measure(
    recipe: Recipe,
    cell: Cell,
    builder: ExperimentBuilder,
    store: Store,
    compute: Compute,
    progress: Progress,
) -> None:
    """One cell; its final model and audit stay in the store."""
    made = make_cell(cell, builder.experiment_id, store, compute, progress)
    with builder.stage(cell.name):
        found = [asdict(one) for one in measurements_of(recipe, cell, made.audit.path, made.final)]
        where = {
            "panel": cell.panel,
            "variant": cell.variant,
            "seed": cell.seed,
            "audit_id": made.audit.id,
        }
        builder.write(
            "measurements",
            {
                **{name: [value] * len(found) for name, value in where.items()},
                "x": pa.array([row["x"] for row in found], pa.float64()),
                **{name: [row[name] for row in found] for name in ("subject", "metric", "value")},
            },
        )


def _describe(
    recipe: Recipe,
    catalogue: Catalogue,
    n_seeds: int,
    builder: ExperimentBuilder,
    compute: Compute,
) -> None:
    """What the experiment says about itself."""
    titles = {name: known.title for name, known in catalogue.sets.items()}
    titles |= {name: known.title for name, known in catalogue.models.items()}
    said = ExperimentResult(
        title=recipe.title,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(),
        provenance=environment(compute),
        recipe=recipe.name,
        scale=catalogue.scale,
        n_seeds=n_seeds,
        is_built_in=catalogue.is_built_in,
        names=titles,
        left_out=tuple(catalogue.left_out(recipe)),
    )
    for key, value in asdict(said).items():
        builder.put_meta(key, value)


class _OfCell:
    """Progress of one cell within the whole grid; its stages are prefixed with the cell's name."""

    def __init__(self, whole: Progress, name: str) -> None:
        self._whole, self._name = whole, name

    def stage(self, name: str, n_units: int) -> AbstractContextManager[None]:
        return self._whole.stage(f"{self._name} · {name}", n_units)

    def advance(self, n_units: int = 1) -> None:
        self._whole.advance(n_units)

    def pace(self, text: str) -> None:
        self._whole.pace(text)

    def note(self, line: str) -> None:
        self._whole.note(line)

    def expect(self, plan: Mapping[str, float]) -> None:
        self._whole.expect({f"{self._name} · {stage}": plan[stage] for stage in plan})
