"""`assay experiment`: the paper's experiments, each a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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

app = typer.Typer(add_completion=False)


@app.command()
def experiment(
    name: Annotated[str, typer.Argument(help="Name of an experiment; `list` shows all.")],
    scale: Annotated[
        Scale,
        typer.Option(
            help="small: small local models and data; paper: the paper's own, from the hub."
        ),
    ] = Scale.SMALL,
    seeds: Annotated[
        int,
        typer.Option(
            help="Repetitions, each with its own final model, seed corpus and random selection."
        ),
    ] = 3,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with data sets such as ag_news.parquet (default: built-in text at scale "
            "small, the hub at scale paper)."
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=PLACE, for example gpt2_medium=FOLDER: where to find one of the "
            "experiment's models. Repeat for several."
        ),
    ] = None,
    at_once: Annotated[
        int, typer.Option(help="Cells to run in parallel, each in its own process.")
    ] = 1,
    device: DeviceOption = None,
    precision: PrecisionOption = "auto",
    queue: QueueOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reproduce one of the paper's tables or figures."""
    from assay.cache.experiments.read import read_measurements

    if name == "list":
        recipes = [load_recipe(known) for known in NAMES]
        say({recipe.name: f"{recipe.title} ({recipe.shows})" for recipe in recipes}, as_json)
        return
    recipe = load_recipe(name)
    if seeds < 1:
        raise InputError("at least 1 for --seeds", str(seeds), "raise --seeds")
    if at_once < 1:
        raise InputError("at least 1 for --at-once", str(at_once), "raise --at-once")
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
    """Models by name; InputError for an option that is not NAME=PLACE."""
    for one in given:
        if not all(one.partition("=")):
            raise InputError(
                "--model NAME=PLACE", repr(one), "write it as in --model gpt2_medium=FOLDER"
            )
    return {name: place for name, _, place in (one.partition("=") for one in given)}
