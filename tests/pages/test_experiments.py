"""The Experiments page: ours beside the authors', never mixed up, and what is not there said."""

from __future__ import annotations

import json

import pytest
from support.experiment_file import write_sample_experiment
from support.pages import opened, words

from assay.cache.experiments.read import list_experiments, read_measurements
from assay.cache.jobs import JobState, JobTable
from assay.core.experiments.paper_results import reference_rows
from assay.core.experiments.recipes import NAMES, load_recipe
from assay.core.findings.experiment import Place, standing
from assay.core.specs.metrics import Metric
from assay.core.stats.intervals import Spread


def known_measurements(store):
    (experiment,) = list_experiments(store)
    return read_measurements(experiment.path)


def drawn(app):
    return [
        trace for chart in app.get("plotly_chart") for trace in json.loads(chart.proto.spec)["data"]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_store_says_the_command_and_shows_the_authors_numbers(store, name):
    """Without a run the page gives the exact command and the authors' figures, marked as theirs,
    and has no figure of ours."""
    app = opened("experiments", recipe=name)
    text = words(app)
    assert f"assay experiment {name}" in text
    assert "What the authors report" in text
    columns = {column for table in app.dataframe for column in table.value.columns}
    assert any(column.endswith((", paper", ", authors' notebook")) for column in columns)
    assert not any(column.endswith(", ours") for column in columns)
    assert "3 seeds" not in text


@pytest.mark.parametrize("name", NAMES)
def test_ours_stand_beside_theirs(store, name):
    """Each figure of ours has its mean and spread in a column of its own beside the authors', and
    every measurement is listed in the page's words."""
    write_sample_experiment(store, name)
    app = opened("experiments", recipe=name)
    recipe = load_recipe(name)
    columns = [column for table in app.dataframe for column in table.value.columns]
    assert any(column.endswith(", ours") for column in columns)
    for row in reference_rows(name):
        assert any(column.endswith(f", {row.source}") for column in columns)
    table = app.dataframe[0].value
    ours = next(column for column in table.columns if column.endswith(", ours"))
    assert any("[" in cell and "–" in cell for cell in table[ours])
    assert any(word in words(app) for word in ("3 seeds", "SELECT itself was not run"))
    measured, stored = app.dataframe[-1].value, known_measurements(store)
    assert len(measured) == len(stored)
    assert {"panel", "variant", "x", "subject"}.isdisjoint(measured.columns)
    assert set(measured["metric"]) == {Metric(one).info.short for one in stored["metric"]}
    assert set(measured["seed"]) == set(stored["seed"])
    marked = [trace["name"] for trace in drawn(app) if trace["name"].endswith("notebook")]
    assert bool(marked) == (recipe.x in ("budget", "leaked_share", "dimension"))


def test_the_authors_points_look_unlike_ours(store):
    """In a figure ours have bars from the lowest to the highest seed, the authors' another symbol
    and no line."""
    write_sample_experiment(store, "selection-size")
    traces = drawn(opened("experiments", recipe="selection-size"))
    theirs = [trace for trace in traces if "authors' notebook" in trace["name"]]
    ours = [trace for trace in traces if "authors' notebook" not in trace["name"]]
    assert ours
    assert all("array" in trace["error_y"] for trace in ours)
    assert all(trace["mode"] == "markers" and "error_y" not in trace for trace in theirs)
    symbols = ({trace["marker"]["symbol"] for trace in group} for group in (ours, theirs))
    assert not set.intersection(*symbols)


@pytest.mark.parametrize("name", ["main-classification", "selection-size"])
def test_a_random_draw_is_marked(store, name):
    """A ranking that had nothing to rank by is marked in table, legend and words; no other is."""
    write_sample_experiment(store, name, drawn=("select",))
    app = opened("experiments", recipe=name)
    assert "SELECT had nothing to rank by" in words(app)
    marked = {
        who for table in app.dataframe for who in table.value.get("strategy", []) if "draw" in who
    }
    assert marked == {"SELECT (a random draw)"}
    assert not any("equal" in column for table in app.dataframe for column in table.value.columns)
    ours = [t["name"] for t in drawn(app) if "authors' notebook" not in t["name"]]
    names = {one.removesuffix(", interval") for one in ours if "draw" in one}
    assert not ours or names == {"SELECT (a random draw)"}


def test_nothing_is_marked_where_every_ranking_had_scores(store):
    """Without such a ranking the page says nothing of draws."""
    write_sample_experiment(store, "selection-size")
    app = opened("experiments", recipe="selection-size")
    assert "nothing to rank by" not in words(app)
    assert not any("a random draw" in trace["name"] for trace in drawn(app))


def test_built_in_text_and_one_seed_are_said(store):
    """A run on stand-ins says that values cannot be compared, one seed that it proves little, and
    what was left out is named."""
    write_sample_experiment(
        store, "selection-size", n_seeds=1, is_built_in=True, left_out=("dbpedia", "imdb")
    )
    text = words(opened("experiments", recipe="selection-size"))
    assert "never the values" in text
    assert "With one seed" in text
    assert "left out because not available" in text
    assert "DBpedia, IMDB" in text
    assert "documentation of four fields, compared with the authors" in text
    assert "AG News" in text


@pytest.mark.parametrize("n_seeds", [1, 2])
def test_sentences_name_metrics_as_figures_do(n_seeds):
    """No metric of a recipe is called by its name in the store."""
    for metric in {metric for name in NAMES for metric in load_recipe(name).metrics}:
        places = [Place("p", "", None, subject, metric) for subject in ("select", "random")]
        found = standing({place: Spread.of([0.5] * n_seeds) for place in places}, metric)
        assert f"By {metric.info.short}," in found.sentence
        assert "-" not in found.sentence


def test_an_unfinished_run_is_shown_as_its_job(store):
    """While a run goes on its stage and percentage are there; another recipe's are not."""
    table = JobTable(store)
    job_id = table.begin(["experiment", "main-sft"], "Main comparison (small, 3 seeds)")
    table.report(job_id, "llama_1b, seed 0 · students", 0.31, 1234)
    assert "31%" in str(opened("experiments", recipe="main-sft").get("progress")[0].proto)
    assert not opened("experiments", recipe="optimizers").get("progress")


def test_only_the_last_failure_stands_above_the_results(store):
    """Earlier ones are history, which Jobs keeps; after a run that succeeded there is none."""
    table = JobTable(store)
    for number, state in enumerate((JobState.FAILED, JobState.FAILED, JobState.DONE), start=1):
        job_id = table.begin(["experiment", "main-sft"], f"Run {number}")
        table.finish(job_id, state, "it did not work" if state is JobState.FAILED else None)
        shown = words(opened("experiments", recipe="main-sft"))
        assert ("it did not work" in shown) == (state is JobState.FAILED)
        assert [n for n in (1, 2, 3) if f"Run {n}" in shown] == ([number] if number < 3 else [])


def test_a_run_is_a_link(store):
    """Of several runs the newest is shown, and the address names any other."""
    write_sample_experiment(store, "main-sft", n_seeds=3)
    older = write_sample_experiment(store, "main-sft", n_seeds=1)
    assert "3 seeds" in words(opened("experiments", recipe="main-sft"))
    assert "3 seeds" in words(opened("experiments"))  # what was last run, where none is named
    assert "With one seed" in words(opened("experiments", recipe="main-sft", run=older.stem))


def test_a_file_that_is_no_experiment_is_passed_over(store):
    """A foreign file on the shelf neither breaks the page nor counts as a run."""
    (store.experiments / "junk.duckdb").write_text("no database")
    assert "has not been run" in words(opened("experiments", recipe="main-sft"))
