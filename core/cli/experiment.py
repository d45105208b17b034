"""`assay experiment`: the paper's experiments, each a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from assay.core.cli.declared_options import declared_command
from assay.core.cli.ending import Ending, end
from assay.core.cli.options import RunningCells, as_job, rows_of, say, spread_of
from assay.core.cli.pair_commands import queue_this
from assay.core.experiments.recipes import NAMES, Recipe, load_recipe, places_of, title_of
from assay.core.specs.commands import EXPERIMENT
from assay.core.specs.compute import HERE
from assay.core.specs.experiment import ExperimentSpec

if TYPE_CHECKING:
    from assay.core.runtime.outcome import Outcome

app = typer.Typer(add_completion=False)


@declared_command(app, EXPERIMENT)
def experiment(
    spec: ExperimentSpec,
    how: RunningCells,
) -> None:
    """Reproduce one of the paper's tables or figures."""
    from assay.cache.experiments.read import read_measurements

    if spec.name == "list":
        recipes = [load_recipe(known) for known in NAMES]
        say({recipe.name: f"{recipe.title} ({recipe.shows})" for recipe in recipes}, how.as_json)
        return
    spread = spread_of(how)
    recipe, title, place = load_recipe(spec.name), title_of(spec), how.place

    from assay.core.experiments.builtin_data import built_in_folder, write_built_in_text
    from assay.core.experiments.catalogue import catalogue_of
    from assay.core.experiments.grid import cells_of

    folder = built_in_folder(place)
    data = Path(spec.data).expanduser() if spec.data else None
    catalogue = catalogue_of(spec.scale, data, folder, places_of(spec))
    cells = cells_of(recipe, catalogue, spec.n_seeds)
    if how.queue:
        queue_this(place, title, how.as_json)
        return

    from assay.core.experiments.durations import experiment_plan
    from assay.core.experiments.run import run_experiment
    from assay.core.runtime.device import choose_compute

    # Of a cluster it is not known how many cells it makes at a time: at least two are worth one.
    n_at_once = spec.n_at_once if spread == HERE else max(2, spec.n_at_once)
    plan = {"read documentation": 14.0, **experiment_plan(cells, n_at_once)}
    with as_job(place, title, plan) as progress:
        if catalogue.is_built_in:
            write_built_in_text(folder, progress)
        compute = choose_compute(how.device, how.precision)
        outcome = run_experiment(
            recipe, catalogue, spec.n_seeds, place, compute, progress, spec.n_at_once, spread
        )
        progress.attach_result(outcome.id)
    rows = rows_of(read_measurements(outcome.path))
    end(
        how.as_json,
        lambda: _ending(recipe, outcome, rows),
        lambda: {
            "experiment": outcome.id,
            "path": str(outcome.path),
            "n_cells": outcome.counts["n_cells"],
            "was_there": outcome.was_there,
            "measurements": rows,
        },
    )


def _ending(recipe: Recipe, outcome: Outcome, rows: list[dict[str, Any]]) -> Ending:
    from assay.core.findings.experiment import means_table, spreads, standing
    from assay.core.findings.formatting import counted

    found = spreads(rows)
    compared = [one for metric in recipe.metrics if (one := standing(found, metric))]
    n_seeds = max((own.n for own in found.values()), default=0)
    return Ending(
        [
            f"{recipe.title}: {counted(outcome.counts['n_cells'], 'audit')}, "
            f"{counted(n_seeds, 'seed')}.",
            *(one.sentence for one in compared),
        ],
        means_table(found, recipe.metrics),
        [f"The experiment is in {outcome.path}"],
        page="experiments",
        query={"recipe": recipe.name, "run": outcome.id},
    )
