"""`assay experiment`: the paper's experiments, each a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.cache.experiments.read import read_measurements
from assay.core.cli.options import (
    DeviceOption,
    JsonOption,
    PrecisionOption,
    QueueOption,
    StoreOption,
    as_job,
    open_store,
    rows_of,
    say,
)
from assay.core.cli.pair_commands import queue_this
from assay.core.errors import InputError
from assay.core.experiments.recipes import NAMES, Scale, load_recipe

app = typer.Typer()


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="A recipe, or `list` to see them all.")],
    scale: Annotated[
        Scale, typer.Option(help="Local models and sets, or the paper's by hub name.")
    ] = Scale.SMALL,
    seeds: Annotated[
        int, typer.Option(help="Each another final model, seed corpus and random selection.")
    ] = 3,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of sets, as ag_news.parquet (default: small: built-in text; paper: hub)."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="NAME=PLACE: use this for a recipe's model, as gpt2_medium=FOLDER."),
    ] = None,
    at_once: Annotated[
        int, typer.Option(help="Cells made at the same time, each in a process of its own.")
    ] = 1,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: QueueOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat one of the paper's tables or figures, cell by cell."""
    if name == "list":
        recipes = [load_recipe(known) for known in NAMES]
        say({recipe.name: f"{recipe.title} ({recipe.shows})" for recipe in recipes}, as_json)
        return
    recipe = load_recipe(name)
    if seeds < 1:
        raise InputError("at least one seed", str(seeds), "raise --seeds")
    if at_once < 1:
        raise InputError("at least one cell at once", str(at_once), "raise --at-once")
    place = open_store(store)

    from assay.core.experiments.builtin_data import built_in_folder, write_built_in_text
    from assay.core.experiments.catalogue import catalogue_of
    from assay.core.experiments.grid import cells_of

    folder = built_in_folder(place)
    catalogue = catalogue_of(scale, data, folder, _places(model or []))
    cells = cells_of(recipe, catalogue, seeds)
    title = f"{recipe.title} ({scale}, {seeds} seeds)"
    if queue:
        queue_this(place, title, as_json)
        return

    from assay.core.experiments.run import experiment_plan, run_experiment
    from assay.core.runtime.device import choose_compute

    plan = {"read documentation": 14.0, **experiment_plan(cells, at_once)}
    with as_job(place, title, plan) as progress:
        if catalogue.is_built_in:
            write_built_in_text(folder, progress)
        compute = choose_compute(device, precision)
        outcome = run_experiment(recipe, catalogue, seeds, place, compute, progress, at_once)
    say(
        {
            "experiment": outcome.id,
            "path": str(outcome.path),
            "n_cells": outcome.counts["n_cells"],
            "was_there": outcome.was_there,
        },
        as_json,
        lambda: {"measurements": rows_of(read_measurements(outcome.path))},
    )


def _places(given: list[str]) -> dict[str, str]:
    """Models by name; InputError for an option that is no NAME=PLACE."""
    for one in given:
        if not all(one.partition("=")):
            raise InputError("--model NAME=PLACE", repr(one), "as gpt2_medium=FOLDER")
    return {name: place for name, _, place in (one.partition("=") for one in given)}
