"""The paper's experiments as recipes: each at its smallest grid, on tiny real models."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import duckdb
import pandas as pd
import pytest
from support.caches import last_layer_caches
from support.endings import assert_ends_for_people
from support.figures import assert_same_figures
from support.tiny_experiment import tiny_catalogue, tiny_recipe

from assay.cache.experiments.cells import cells_by_experiment
from assay.cache.experiments.read import list_experiments, read_measurements
from assay.cache.files.manifest import verify_audits
from assay.cache.store import Store
from assay.core.errors import Cancelled, InputError
from assay.core.experiments.cluster import SharedStore
from assay.core.experiments.grid import cells_of
from assay.core.experiments.recipes import NAMES, Axis
from assay.core.experiments.run import run_experiment
from assay.core.findings.experiment import (
    Place,
    drawn_subjects,
    is_drawn,
    spreads,
    standing,
)
from assay.core.runtime.device import Compute
from assay.core.runtime.progress import SilentProgress
from assay.core.specs.experiment import Scale
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy
from assay.core.stats.intervals import Spread

COMPUTE = Compute("cpu", False, 1)


@pytest.fixture(scope="module")
def tiny_sets(tmp_path_factory):
    return tiny_catalogue(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("home"))


def run(name, catalogue, store, n_seeds=1, progress=None):
    recipe = tiny_recipe(name)
    return run_experiment(recipe, catalogue, n_seeds, store, COMPUTE, progress or Noted())


class Noted(SilentProgress):
    """Remembers the stages that were entered, and stops at one if asked to."""

    def __init__(self, stop_at=None):
        self.stages, self._stop_at = [], stop_at

    def stage(self, name, n_units):
        if name == self._stop_at:
            raise Cancelled("stopped by the test")
        self.stages.append(name)
        return super().stage(name, n_units)


def results(path):
    return read_measurements(path).astype(str).to_dict("list")


# The tests below need these; the others take as long and show the same code.
QUICK = ("leakage-titration", "main-classification", "ot-sensitivity", "seed-corpus")


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES],
)
def test_a_recipe_measures_what_it_says(tiny_sets, home, name):
    """Every cell of the grid has the recipe's figures, each with the audit it came from, and
    the file is sealed."""
    recipe = tiny_recipe(name)
    outcome = run(name, tiny_sets, home)
    rows = read_measurements(outcome.path)
    cells = cells_of(recipe, tiny_sets, 1)
    assert outcome.counts["n_cells"] == len(cells) > 0
    measured = set(rows["metric"]) - {Metric.EQUAL_SCORES}
    assert {str(m) for m in recipe.metrics} >= measured > set()
    assert set(rows["panel"]) == {cell.panel for cell in cells}
    assert set(rows["variant"]) == {cell.variant for cell in cells}
    assert {"select", "random"} <= set(rows["subject"])
    assert set(rows["audit_id"]) <= {path.stem for path in home.audits.glob("*.duckdb")}
    assert len(set(rows["audit_id"])) == len(cells)
    along = {
        "": set(),
        Axis.BUDGET: {6, 12},
        Axis.LEAKED_SHARE: {0.5, 1.0},
        Axis.REPLACED_SHARE: {tenth / 10 for tenth in range(11)},
        Axis.DIMENSION: {6},
    }[recipe.x]
    assert set(rows["x"].dropna()) == along
    checks = {check.audit_id: check.is_intact for check in verify_audits(home)}
    assert checks[outcome.id] is True
    cells = cells_by_experiment(home)
    assert set(rows["audit_id"]) == cells[outcome.id]
    assert not list(home.building.glob("*.cells"))
    assert outcome.id in {found.experiment_id for found in list_experiments(home, name)}


def test_a_selection_that_is_all_true_is_the_nearest(tiny_sets, home):
    """Replacing a selection by true documents ends with every token contained, and nearer."""
    rows = read_measurements(run("ot-sensitivity", tiny_sets, home).path)
    for subject in ("random", "select"):
        own = rows[rows["subject"] == subject].pivot(index="x", columns="metric", values="value")
        assert own.loc[1.0, "containment"] == 1.0
        assert own.loc[1.0, "transport"] < own.loc[0.0, "transport"]


def test_text_alone_stands_beside_strategies_in_the_titration(tiny_sets, home):
    """The leakage titration has the blind baseline and P-min at every share."""
    rows = read_measurements(run("leakage-titration", tiny_sets, home).path)
    for control in (BLIND, Strategy.P_MIN, Strategy.RANDOM):
        assert set(rows[rows["subject"] == control]["x"]) == {0.5, 1.0}


def test_a_second_run_computes_nothing(tiny_sets, home):
    """The same experiment is found; with its file gone, audits and models are found instead."""
    first = run("seed-corpus", tiny_sets, home)
    before = results(first.path)
    noted = Noted()
    assert run("seed-corpus", tiny_sets, home, progress=noted).was_there is True
    assert noted.stages == []
    first.path.unlink()
    again = run("seed-corpus", tiny_sets, home, progress=noted)
    assert (again.was_there, again.path, noted.stages) == (False, first.path, [])
    assert results(again.path) == before


def test_cells_share_final_models_and_gradients(tiny_sets, tmp_path):
    """Two budgets of one set train one final model and compute every gradient once."""
    store, noted = Store(tmp_path), Noted()
    run("selection-size", tiny_sets, store, progress=noted)
    assert sum(stage.endswith("fine-tune") for stage in noted.stages) == 1
    (cached,) = last_layer_caches(store)
    with duckdb.connect(str(cached), read_only=True) as connection:
        ((n_rows, n_blocks),) = connection.execute(
            "SELECT count(*), count(DISTINCT block) FROM rows"
        ).fetchall()
    assert (n_rows, n_blocks) == (50, 1)


def test_stopped_and_resumed_equals_uninterrupted(tiny_sets, home, tmp_path):
    """Stopped in its second cell and run again, an experiment ends with the same figures, does
    the first cell once, and leaves nothing half done among the complete ones."""
    smooth = run("selection-size", tiny_sets, home)
    cells = cells_of(tiny_recipe("selection-size"), tiny_sets, 1)
    store = Store(tmp_path)
    stopped = Noted(stop_at=f"{cells[1].name} · embed")
    with pytest.raises(Cancelled):
        run("selection-size", tiny_sets, store, progress=stopped)
    assert list_experiments(store) == []
    assert len(cells_by_experiment(store)[smooth.id]) == 2
    noted = Noted()
    done = run("selection-size", tiny_sets, store, progress=noted)
    assert not any(stage.startswith(cells[0].name) for stage in noted.stages)
    assert f"{cells[1].name} · gradients" not in noted.stages
    assert done.id == smooth.id
    assert results(done.path) == results(smooth.path)


@pytest.mark.slow
def test_cells_made_side_by_side_are_those_made_one_by_one(tiny_sets, home, tmp_path):
    """Two processes make the same experiment: its name, its figures and one final model; another
    experiment's figures are others."""
    smooth = run("selection-size", tiny_sets, home)
    store, noted = Store(tmp_path), Noted()
    recipe = tiny_recipe("selection-size")
    done = run_experiment(recipe, tiny_sets, 1, store, COMPUTE, noted, n_at_once=2)
    assert noted.stages == ["cells"]
    assert done.id == smooth.id
    assert_same_figures(done.path, smooth.path)
    with pytest.raises(AssertionError):
        assert_same_figures(done.path, run("ot-sensitivity", tiny_sets, home).path)
    assert len(list(store.models.glob("final-*"))) == 1
    assert not list(store.building.glob("*.duckdb"))


@pytest.mark.slow
def test_what_a_cell_of_another_process_lacks_is_told(tiny_sets, tmp_path):
    """Bad input found in a process of its own is the same sentence, and nothing is sealed."""
    recipe = tiny_recipe("selection-size")
    greedy = replace(recipe, sizes={Scale.SMALL: {"budgets": [6, 5_000]}})
    with pytest.raises(InputError, match=r"a budget of at most 50, .* but got 5,000; lower"):
        run_experiment(greedy, tiny_sets, 1, Store(tmp_path), COMPUTE, Noted(), n_at_once=2)
    assert list_experiments(Store(tmp_path)) == []


def test_mean_and_spread_are_over_seeds():
    """Figures of one place are averaged over seeds, lowest and highest kept; others stay apart."""
    rows = [
        {"panel": "p", "variant": "", "x": x, "subject": s, "metric": "loss", "seed": i, "value": v}
        for x, s, values in (
            (1.0, "select", (1, 2, 6)),
            (math.nan, "select", (5,)),
            (1.0, "random", (7, 9)),
        )
        for i, v in enumerate(values)
    ]
    found = spreads(rows)
    assert found == {
        Place("p", "", 1.0, "select", "loss"): Spread.of([1, 2, 6], (0, math.inf)),
        Place("p", "", None, "select", "loss"): Spread.of([5]),
        Place("p", "", 1.0, "random", "loss"): Spread.of([7, 9]),
    }
    assert standing(found, Metric.LOSS).n_better == 1
    assert standing(found, Metric.ACCURACY) is None


@pytest.mark.parametrize(
    ("select", "random", "expected"),
    [((4, 5), (1, 2), "n_worse"), ((1, 2), (4, 5), "n_better"), ((1, 4), (2, 5), "n_alike")],
)
def test_better_and_worse_need_seeds_that_do_not_overlap(select, random, expected):
    """Where seeds overlap neither is better; a lower loss is, and the sentence counts each."""
    rows = [
        {"panel": "p", "variant": "", "x": None, "subject": s, "metric": "loss", "value": v}
        for s, values in (("select", select), ("random", random))
        for v in values
    ]
    found = standing(spreads(rows), Metric.LOSS)
    assert getattr(found, expected) == 1
    assert found.n_better + found.n_worse + found.n_alike == 1
    assert "random selection" in found.sentence


def test_a_setting_in_which_select_is_a_random_draw_is_not_counted():
    """Where SELECT had nothing to rank by, it is neither better nor worse than random."""
    rows = [
        {"panel": p, "variant": "", "x": 1.0, "subject": who, "metric": "loss", "value": value}
        for p in ("a", "b")
        for who, value in (("select", 0.1), ("select", 0.2), ("random", 0.8), ("random", 0.9))
    ]
    flag = {**rows[0], "metric": "equal-scores", "value": 1.0}
    assert standing(spreads(rows), Metric.LOSS).n_better == 2
    for x in (1.0, float("nan")):
        found = spreads([*rows, {**flag, "x": x}])
        assert standing(found, Metric.LOSS).n_better == 1
        assert drawn_subjects(found) == ["select"]
        assert is_drawn(found, Place("a", "", 1.0, "select", "loss"))
        assert not is_drawn(found, Place("b", "", 1.0, "select", "loss"))


def test_the_command_line_runs_lists_and_queues(assay, tmp_path, tiny_sets, monkeypatch):
    """`assay experiment` prints one JSON object; `list` names every recipe."""
    listed = json.loads(assay("experiment", "list", "--json").out)
    assert list(listed) == list(NAMES)
    monkeypatch.setattr("assay.core.cli.experiment.load_recipe", tiny_recipe)
    monkeypatch.setattr("assay.core.experiments.catalogue.catalogue_of", lambda *_: tiny_sets)
    arguments = ("experiment", "ot-sensitivity", "--seeds", "1", "--precision", "fp32", "--json")
    done = assay(*arguments, "--store", tmp_path)
    assert done.status == 0, done.err
    said = json.loads(done.out)
    assert said["n_cells"] == 1
    assert "ag_news, seed 0 · embed" in done.err
    assert json.loads(assay(*arguments, "--store", tmp_path).out) == {**said, "was_there": True}
    told = assay(*(one for one in arguments if one != "--json"), "--store", tmp_path).out
    assert_ends_for_people(told, "experiments")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["table-9"], ("table-9", "main-classification", "list")),
        (["main-sft", "--seeds", "0"], ("--seeds", "greater than or equal to 1")),
        (["main-sft", "--data", "/nowhere/at/all"], ("folder", "/nowhere/at/all")),
        (["main-sft", "--at-once", "0"], ("--at-once", "greater than or equal to 1")),
        (["main-sft", "--model", "llama_1b"], ("NAME=PLACE", "llama_1b")),
        (["main-sft", "--model", "llama_8b=FOLDER"], ("llama_1b", "llama_8b")),
        (["main-sft", "--data", "EMPTY"], ("ag_news.parquet", "none of them")),
        (["main-sft", "--data", "NO_NQ"], ("main-sft", "Natural Questions")),
    ],
)
def test_bad_input_is_explained(assay, tmp_path, arguments, expected):
    """Each kind of bad input exits with 2 and one sentence, which names what was expected or the
    option that is out of range, and runs nothing."""
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "NO_NQ").mkdir()
    pd.DataFrame({"text": ["a"]}).to_parquet(tmp_path / "NO_NQ" / "msmarco_passages.parquet")
    arguments = [str(tmp_path / a) if a.isupper() else a for a in arguments]
    result = assay("experiment", *arguments)
    assert result.status == 2
    said = " ".join(result.err.replace("│", " ").split())
    assert said.startswith(("Expected ", "Usage: "))
    for words in expected:
        assert words in said
    assert list_experiments(Store.default()) == []


def test_a_machine_of_a_cluster_must_have_the_store(tmp_path):
    """Another store at the same path, or none, is refused before a cell is made there."""
    store = Store(tmp_path)
    token = tmp_path / "token"
    for said in (None, "another"):
        if said:
            token.write_text(said)
        with pytest.raises(InputError, match="on every machine of the cluster"):
            SharedStore(store, token, "this one", 1, tmp_path)()
