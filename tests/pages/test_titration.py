"""The Titration page: live figures are grid figures, losses are said, gaps are explained."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.audit_file import write_sample_audit
from support.pages import opened, words
from support.titration_audit import GRID, write_sample_titration
from support.titration_corpus import corpus_of
from support.titration_rows import rows

from assay.cache.audits.evidence import read_evidence
from assay.cache.audits.read import read_facts, read_titration
from assay.core.errors import InputError, OptionConflict
from assay.core.selection.titration import titrate
from assay.core.specs.audit import AuditSpec
from assay.core.specs.audit_checks import check_audit
from assay.core.specs.commands import command_line
from assay.core.specs.data import DataRef
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND
from assay.core.specs.training import LORA_STUDENTS, StudentAdapter
from assay.pages.components.audit.titration_charts import picked_on, selection_map
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.audit.titration_tables import measured_table


def shown(app, label):
    (metric,) = [m for m in app.metric if m.label == label]
    return metric.value


def drawn(app, number=0):
    """A chart's series, without the bars of intervals and ranges."""
    series = json.loads(app.get("echarts_chart")[number].proto.spec)["series"]
    return [one for one in series if one["type"] == "scatter" or one.get("symbol") != "none"]


def traces(app, number=0):
    return {one["name"]: one for one in drawn(app, number)}


def points(series):
    """Where they are: leaked share in percent, value."""
    return [tuple(point[:2]) for point in series["data"]]


@pytest.mark.parametrize(("share", "budget", "name", "seed"), [(50, 20, "random", 1)])
def test_live_figures_equal_the_grid(store, share, budget, name, seed):
    """At a measured share, budget, strategy and draw the page shows the measured numbers."""
    path = write_sample_titration(store)
    grid = read_titration(path)
    cell = grid[
        (grid["leaked_share"] == share / 100)
        & (grid["budget"] == budget)
        & (grid["strategy"] == name)
        & (grid["seed"] == seed)
    ].set_index("metric")["value"]
    app = opened(
        "titration", audit="titrated", share=share, budget=budget, strategy=name, draw=seed
    )
    assert shown(app, "Recall") == f"{100 * cell['recall']:.1f}%"
    assert shown(app, "Precision") == f"{100 * cell['precision']:.1f}%"
    assert shown(app, "Membership AUC") == f"{cell['membership-auc']:.3f}"
    assert shown(app, "Domain AUC") == f"{cell['domain-auc']:.3f}"
    assert shown(app, "Transport") == f"{cell['transport']:.3f}"
    live = traces(app)[f"{name}, live"]
    assert points(live) == [pytest.approx((share, 100 * cell["recall"]))]


def test_sliders_select_anew_and_say_so(store):
    """Moving the share, the budget or the strategy changes the live figures, and what was
    measured stays as it is."""
    write_sample_titration(store)
    app = opened("titration", audit="titrated")
    before = traces(app)
    assert "SELECT selects 20" in words(app)
    app.slider(key="share").set_value(100).run()
    app.slider(key="budget").set_value(37).run()
    assert not app.exception
    text = words(app)
    assert "SELECT selects 37" in text
    assert "the nearest to 37" in text
    after = traces(app)
    assert [points(one["SELECT, live"])[0][0] for one in (before, after)] == [50, 100]
    app.selectbox(key="strategy").set_value(BLIND).run()
    assert "Text alone selects 37" in words(app)
    app.selectbox(key="metric").set_value(Metric.TRANSPORT).run()
    assert not app.exception
    assert Metric.TRANSPORT.info.title in words(app)


def test_a_click_on_the_map_counts_for_its_own_selection_alone():
    """The canvas outlives a slider's move and still says what was clicked on it before; that is
    no document of the next selection."""
    corpus = corpus_of()
    cell = titrate(corpus, 0.5, 10, "random", 0)
    setting = Setting(0.5, 10, "random", 0, Metric.RECALL)
    places = np.random.default_rng(0).normal(size=(len(corpus.is_trained), 2)).astype("f")
    series = selection_map(places, cell, corpus, True, setting)["series"]
    shown = [
        ({"series_id": one["id"], "data_indices": [at]}, point[2])
        for one in series
        if one["type"] == "scatter"
        for at, point in enumerate(one["data"])
    ]
    assert sorted(document for _, document in shown) == sorted(cell.documents)
    for clicked, document in shown:
        state = {"selection": {"selected": [clicked]}}
        assert picked_on(state, cell, corpus, setting).tolist() == [document]
        for moved in (replace(setting, budget=11), replace(setting, leaked_share=0.6)):
            assert not len(picked_on(state, cell, corpus, moved))


@pytest.mark.parametrize("metric", [Metric.RECALL, Metric.MEMBERSHIP_AUC])
def test_the_table_of_all_strategies_names_what_it_holds(store, metric):
    """Its cells are the figures of the metric that was chosen."""
    write_sample_titration(store)
    app = opened("titration", audit="titrated", metric=metric.info.title)
    (title,) = [one.value for one in app.subheader if "all strategies" in one.value.lower()]
    assert title == f"{metric.info.title}: all strategies, measured"


@pytest.mark.parametrize(
    ("metric", "order"),
    [
        (Metric.RECALL, ["SELECT", "top-k", "random"]),
        (Metric.TRANSPORT, ["random", "top-k", "SELECT"]),
    ],
)
def test_the_table_of_strategies_begins_with_the_best(metric, order):
    """At the largest share, by the metric: of a distance the lowest is the best."""
    values = {
        (name, metric, share): [value if share == 1.0 else 1 - value]
        for name, value in (("random", 0.1), ("select", 0.9), ("top-k", 0.5))
        for share in (0.5, 1.0)
    }
    table = measured_table(pd.DataFrame(rows(values)), metric)
    assert table["strategy"].tolist() == order


def test_measured_and_live_points_are_drawn_apart(store):
    """The grid is points with bands joined by thin dotted guides, the live point another symbol;
    random, P-min and text alone are there whatever is chosen."""
    path = write_sample_titration(store)
    app = opened("titration", audit="titrated", strategy="top-k")
    found = traces(app)
    for name in ("random", "P-min", "text alone"):
        assert found[name]["type"] == "line"
        assert found[name]["lineStyle"]["type"] == "dotted"
        assert found[name]["lineStyle"]["width"] < 1
        assert found[name]["symbol"] != found["top-k, live"]["symbol"]
    grid = read_titration(path)
    own = grid[
        (grid["strategy"] == "random") & (grid["metric"] == "recall") & (grid["budget"] == 20)
    ]
    means = own.groupby("leaked_share")["value"].mean()
    assert np.allclose([value for _, value in points(found["random"])], 100 * means)
    assert "only guide the eye" in words(app)
    star = found["top-k, live"]["symbol"]
    assert sum(one["symbol"] == star for one in drawn(app)) == 4


@pytest.mark.parametrize(
    ("students", "is_said"), [(StudentAdapter.LORA, True), (StudentAdapter.NONE, False)]
)
def test_how_students_deviate_is_said_beside_their_figures(store, students, is_said):
    """With LoRA, where a student's metric is shown; not beside usual students."""
    write_sample_titration(store, students=students)
    app = opened("titration", audit="titrated", metric=Metric.ACCURACY.info.title)
    assert (LORA_STUDENTS in words(app)) is is_said


def test_an_ordinary_audit_has_live_sliders_only(store):
    """Without a grid the leaked documents there are can still be titrated live."""
    write_sample_titration(store, grid=None)
    app = opened("titration", audit="titrated")
    text = words(app)
    assert "no measured grid" in text
    assert "no measured points" in text
    before = shown(app, "Recall")
    app.slider(key="share").set_value(10).run()
    app.slider(key="budget").set_value(120).run()
    assert shown(app, "Recall") != before
    app.slider(key="share").set_value(0).run()
    assert shown(app, "Recall") == "—"
    assert "no document is leaked" in words(app).replace("\\", "")


def test_an_ordinary_audit_measures_a_grid_when_asked_to(store):
    """With leaked shares it holds a grid at its own budget, each cell what the page computes live,
    and the page, the answers and the audit's command line say so."""
    path = write_sample_titration(store, grid=None, beside=(0.5, 1.0))
    grid, spec = read_titration(path), read_facts(path).spec
    assert set(grid["leaked_share"]) == {0.5, 1.0}
    assert set(grid["budget"]) == {spec.budget} == {20}
    assert set(grid["seed"]) == {0, 1, 2}
    assert set(grid["strategy"]) == {*map(str, spec.strategies), BLIND}
    assert "--leaked-share 0.5 --leaked-share 1.0" in command_line(spec)
    assert len(read_evidence(path, [], 0).titration) == len(grid)
    app = opened("titration", audit="titrated", share=50, draw=2)
    text = words(app).replace("\\", "")
    assert "Measured at budget 20, with 3 draws per leaked share." in text
    assert "mean of 3 draws" in text
    cell = grid[
        (grid["strategy"] == "select") & (grid["seed"] == 2) & (grid["leaked_share"] == 0.5)
    ]
    recall = cell.set_index("metric")["value"]["recall"]
    assert shown(app, "Recall") == f"{100 * recall:.1f}%"
    assert [x for x, _ in points(traces(app)["SELECT"])] == pytest.approx([50, 100], abs=3)


def test_a_grid_needs_documents_of_every_role():
    """Leaked shares without training and held-out documents are an error that names both."""
    spec = AuditSpec("base", "final", (DataRef("pool.parquet"),), leaked_shares=(0.5,))
    with pytest.raises(OptionConflict, match="--reference and --held-out-source"):
        check_audit(spec)
    known = replace(spec, reference=DataRef("train.parquet"), held_out_source="pool")
    check_audit(known)
    with pytest.raises(InputError, match="leaked shares from 0 to 1"):
        check_audit(replace(known, leaked_shares=(1.5,)))


def test_what_is_missing_is_said(store):
    """An audit without a reference set, or without gradients, says so and how to titrate."""
    write_sample_audit(store, audit_id="unknown", has_truth=False)
    write_sample_audit(store, audit_id="bare")
    for audit_id, reason in (("unknown", "no reference set"), ("bare", "contains no gradients")):
        app = opened("titration", audit=audit_id)
        assert reason in app.info[0].value.replace("\\", "")
        assert "assay titrate" in words(app)
        assert not app.slider


def test_overview_links_to_it_where_something_leaked(store):
    """Overview offers the page for an audit with leaked documents, and not for others."""
    write_sample_audit(store, audit_id="unknown", has_truth=False)
    write_sample_titration(store)
    links = [
        [link.proto.label for link in opened("overview", audit=name).get("page_link")]
        for name in ("unknown", "titrated")
    ]
    # The sidebar has one.
    assert [own.count("Titration") for own in links] == [1, 2]


def test_a_pool_smaller_than_the_budget_is_said(store):
    """A budget that the pool cannot fill is explained instead of failing."""
    write_sample_titration(store, grid=None)
    app = opened("titration", audit="titrated", share=0, budget=395)
    assert "fewer than the budget" in app.warning[0].value
    assert GRID.n_seeds == 2
