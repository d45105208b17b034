"""The grid of every recipe: its cells, names and sizes, and what they take, before any is made."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from support.tiny_experiment import tiny_catalogue, tiny_recipe

from assay.core.experiments.catalogue import catalogue_of, paper_titles
from assay.core.experiments.durations import experiment_plan
from assay.core.experiments.grid import cells_of
from assay.core.experiments.paper_results import reference_rows
from assay.core.experiments.recipes import NAMES, load_recipe
from assay.core.jobs.job_progress import Forecast
from assay.core.specs.experiment import Scale


@pytest.fixture(scope="module")
def tiny_sets(tmp_path_factory):
    return tiny_catalogue(tmp_path_factory.mktemp("sets"))


def test_the_whole_grid_is_planned(tiny_sets):
    """Progress runs from 0 to 1 over all cells: the last stage of one is not the end."""
    cells = cells_of(tiny_recipe("selection-size"), tiny_sets, 2)
    plan = experiment_plan(cells)
    forecast = Forecast(plan)
    forecast.enter(f"{cells[1].name} · embed", 0)
    assert 0.1 < forecast.fraction < 0.6
    assert len({stage.split(" · ")[0] for stage in plan}) == len(cells) == 4


@pytest.mark.parametrize("name", NAMES)
def test_the_authors_numbers_are_marked_and_fit_the_grid(tmp_path, name):
    """Every reference row says where it stands, and names what the paper-scale grid measures."""
    rows = reference_rows(name)
    recipe = load_recipe(name)
    cells = cells_of(recipe, catalogue_of(Scale.PAPER, None, tmp_path), 1)
    assert rows
    assert {row.source for row in rows} <= {"paper", "authors' notebook"}
    titles = {**paper_titles(), "adam": "", "adamw": "", "sgd": ""}
    assert {name for row in rows for name in (row.panel, row.variant) if name} <= set(titles)
    measured = {(cell.panel, cell.variant) for cell in cells}
    own = [row for row in rows if row.metric in recipe.metrics]
    assert {(row.panel, row.variant) for row in own} <= measured
    assert {row.subject for row in own} <= {*map(str, recipe.strategies), "final"}


def test_paper_scale_differs_in_names_and_sizes_alone(tmp_path):
    """The grid at paper scale names the paper's models and sets, with its settings."""
    cells = cells_of(
        load_recipe("main-classification"), catalogue_of(Scale.PAPER, None, tmp_path), 3
    )
    assert len(cells) == 9
    first = cells[0]
    assert first.finetune.base == "openai-community/gpt2-medium"
    assert first.finetune.data.location == "fancyzhx/ag_news#train"
    assert first.finetune.data.sample == 10_000
    assert (first.audit.budget, first.audit.n_student_epochs) == (1_000, 100)
    training = first.finetune.training
    assert (training.learning_rate, training.batch_size, training.max_tokens) == (2e-5, 32, 32)


def test_the_papers_sizes_with_ones_own_names(tmp_path, tiny_sets):
    """Without a hub: files of a folder and a local model, at the paper's sizes, called what they
    are."""
    for name, file in (("nq", "wiki_nq_passages.parquet"), ("ag_news", "ag_news.parquet")):
        shutil.copy(tiny_sets.sets[name].train.removesuffix("#train"), tmp_path / file)
    own = {"gpt2_medium": "/models/own"}
    catalogue = catalogue_of(Scale.PAPER, tmp_path, tmp_path, own)
    (cell,) = cells_of(load_recipe("main-classification"), catalogue, 1)
    assert (cell.finetune.base, cell.finetune.data.sample) == ("/models/own", 10_000)
    assert cell.finetune.data.location == f"{tmp_path / 'ag_news.parquet'}#train"
    assert catalogue.models["gpt2_medium"].title == "own"
    assert catalogue.models["llama_1b"].location == "meta-llama/Llama-3.2-1B"


def test_one_model_in_place_of_two_is_one_cell(tmp_path):
    """Where the same model stands in for both of a recipe's, nothing is done twice."""
    own = {"llama_3b": "/models/own", "llama_1b": "/models/own"}
    cells = cells_of(load_recipe("main-sft"), catalogue_of(Scale.PAPER, None, tmp_path, own), 1)
    assert [cell.panel for cell in cells] == ["llama_3b"]


def test_optimizers_cross_final_models_with_students(tmp_path):
    """Rows are the students' optimizer, columns the final model's; SGD has its own rate, AdamW its
    decay."""
    cells = cells_of(load_recipe("optimizers"), catalogue_of(Scale.SMALL, None, tmp_path), 1)
    asked = {
        (c.panel, c.variant): (c.audit.training.optimizer, c.finetune.training.optimizer)
        for c in cells
    }
    assert len(asked) == 9
    assert all(place == tuple(map(str, optimizers)) for place, optimizers in asked.items())
    training = {c.finetune.training.optimizer: c.finetune.training for c in cells}
    assert training["sgd"].learning_rate > training["adam"].learning_rate
    # Without decay AdamW is Adam, and their columns would be one.
    assert training["adamw"].weight_decay > training["adam"].weight_decay == 0
    assert replace(training["adamw"], optimizer="adam", weight_decay=0.0) == training["adam"]


def test_what_a_folder_lacks_is_left_out_and_said(tmp_path, tiny_sets):
    """Sets that are not in the folder shrink the grid, and the recipe's missing names are told."""
    for name, file in (("nq", "wiki_nq_passages.parquet"), ("ag_news", "ag_news.parquet")):
        shutil.copy(tiny_sets.sets[name].train.removesuffix("#train"), tmp_path / file)
    catalogue = catalogue_of(Scale.SMALL, tmp_path, tmp_path)
    recipe = load_recipe("main-classification")
    assert {cell.panel for cell in cells_of(recipe, catalogue, 1)} == {"ag_news"}
    assert catalogue.left_out(recipe) == ["dbpedia", "imdb"]


def test_two_names_for_one_set_are_one_cell(tmp_path):
    """Where built-in text stands for two sets, the grid has it once."""
    catalogue = catalogue_of(Scale.SMALL, None, tmp_path)
    cells = cells_of(load_recipe("seed-corpus"), catalogue, 1)
    assert [(cell.panel, cell.variant) for cell in cells] == [
        ("ag_news", "ag_news"),
        ("ag_news", "nq"),
    ]
