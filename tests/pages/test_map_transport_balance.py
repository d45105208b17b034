"""Map, Transport and Class balance: what is drawn is what the store holds, beside its null."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from support.audit_file import HOSTILE, N_REFERENCE, write_sample_audit
from support.pages import opened, words
from support.titration_audit import write_sample_titration

from assay.cache.audits.comparison import (
    read_documents,
    read_label_counts,
    read_overlap,
    read_random_objective,
    read_selected_places,
)
from assay.cache.files.database import open_to_read
from assay.cache.store import Store
from assay.core.similarity.replacement_curve import Likeness
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy
from assay.pages.components.audit.class_balance import MAX_GROUPS, random_bands, share_table
from assay.pages.components.audit.map_chart import SELECTED, TRUE
from assay.pages.components.audit.map_controls import MAX_POINTS, lassoed
from assay.pages.components.audit.transport_tables import DISTANCES, in_words, read_from
from assay.pages.components.escaping import plotly_safe


@pytest.fixture
def store():
    return Store.default()


def drawn(app, number=0):
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def points(app, name):
    """How many points the traces of that name have, in all panels."""
    return [len(numbers(trace["x"])) for trace in drawn(app)["data"] if trace.get("name") == name]


def numbers(values):
    """What Plotly sends: a list, or bytes with their type."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.asarray(values)


def test_the_map_draws_points_for_selected_and_true_documents_only(store):
    """However large the pool, only selections and true documents travel as points."""
    write_sample_audit(store, n_documents=20_000, budget=150)
    app = opened("map", audit="sample")
    assert points(app, "SELECT") == [150]
    assert points(app, "random") == [150]
    assert points(app, "reference documents") == [N_REFERENCE, N_REFERENCE]
    kinds = [trace["type"] for trace in drawn(app)["data"]]
    assert kinds.count("heatmap") == 2
    assert len(app.get("plotly_chart")[0].proto.spec) < 300_000
    text = words(app).replace("\\", "")
    assert "UMAP, n neighbors 15, seed 0" in text
    assert "clears the choice" in text


def test_a_large_selection_is_drawn_in_part_and_said_so(store):
    """Of a selection of more than can be drawn the first are, and the page says how many."""
    write_sample_audit(store, n_documents=4_000, budget=MAX_POINTS + 500)
    app = opened("map", audit="sample", beside="nothing")
    assert points(app, "SELECT") == [MAX_POINTS]
    assert f"first {MAX_POINTS:,} selected documents are drawn" in words(app).replace("\\", "")


def test_two_strategies_share_their_axes(store):
    """Side by side, both panels show the same range, and moving one moves the other."""
    write_sample_audit(store)
    layout = drawn(opened("map", audit="sample", strategy="p-min", beside="top-k"))["layout"]
    assert layout["xaxis"]["range"] == layout["xaxis2"]["range"]
    assert layout["yaxis"]["range"] == layout["yaxis2"]["range"]
    assert layout["xaxis2"]["matches"] == "x"
    alone = drawn(opened("map", audit="sample", strategy="p-min", beside="nothing"))["layout"]
    assert "xaxis2" not in alone
    assert alone["xaxis"]["range"] == layout["xaxis"]["range"]


@pytest.mark.parametrize("colour", ["strategy", "pseudolabel", "source", "gain"])
def test_every_colouring_draws_every_document_once(store, colour):
    """Whatever the colours say, each selected document is one point."""
    write_sample_audit(store, budget=60)
    app = opened("map", audit="sample", beside="nothing", colour=colour)
    ids = [
        point[1]
        for trace in drawn(app)["data"]
        for point in trace.get("customdata", [])
        if point[0] == SELECTED
    ]
    path = store.audits / "sample.duckdb"
    assert sorted(ids) == sorted(
        read_selected_places(path, Strategy.SELECT, 100)["document_id"].tolist()
    )


def test_true_documents_can_be_left_out(store):
    """The switch takes them away; an audit that knows none has no switch."""
    write_sample_audit(store)
    write_sample_audit(store, audit_id="blind", has_truth=False)
    assert not points(opened("map", audit="sample", true="false"), "reference documents")
    assert not opened("map", audit="blind").toggle


def test_a_lasso_gives_documents_of_both_kinds_once(store):
    """The points inside, drawn in either panel, become tables of documents with their ranks."""
    path = write_sample_audit(store)
    inside = [[SELECTED, 7, 1, 0.1], [SELECTED, 3, 2, 0.1], [TRUE, 5], [SELECTED, 7, 9, 0.2]]
    state = {"selection": {"points": [{"customdata": values} for values in inside]}}
    found = lassoed(state)
    assert (found.documents, found.true) == ([7, 3], [5])
    strategies = (Strategy.SELECT, Strategy.RANDOM)
    chosen = read_selected_places(path, Strategy.SELECT, 3)
    rows = read_documents(path, [*chosen["document_id"], 399, 0], strategies)
    ranks = dict(zip(rows["document_id"], rows["rank_0"], strict=True))
    assert [ranks[number] for number in chosen["document_id"]] == [0, 1, 2]
    assert set(rows["document_id"]) == {*chosen["document_id"], 399, 0}
    assert lassoed({"selection": {"points": []}}).documents == []


def test_names_in_figures_are_shown_letter_by_letter(store):
    """A label or source with markup reaches no figure as markup; long ones are cut."""
    assert plotly_safe("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert len(plotly_safe("n" * 500)) == 40
    write_sample_audit(store, label_names=[HOSTILE, "<b>x</b>", "c", "d"])
    for page, query in (("map", {"colour": "pseudolabel"}), ("class_balance", {})):
        spec = opened(page, audit="sample", **query).get("plotly_chart")[0].proto.spec
        assert "<script" not in spec
        assert "<b>x" not in spec


def test_without_a_map_the_page_says_so(store):
    """An audit that keeps no places explains itself."""
    write_sample_audit(store, n_documents=0, budget=0, has_truth=False)
    assert "has no map" in opened("map", audit="sample").info[0].value


def test_near_duplicates_are_counted_beside_exact_ones(store):
    """Exact ones are not counted again as near, nor a document for each of its pairs."""
    path = write_sample_audit(store)
    with open_to_read(path) as connection:
        ((n_exact, n_near),) = connection.execute(
            "SELECT count(*) FILTER (WHERE in_reference), count(*) FILTER (WHERE NOT in_reference "
            "AND document_id IN (0, 1)) FROM documents"
        ).fetchall()
    found = read_overlap(path)
    assert (found.n_exact, found.n_near) == (n_exact, n_near)
    assert n_exact > 0


@pytest.mark.parametrize("distance", [one.title for one in DISTANCES])
def test_transport_shows_every_strategy_beside_chance_and_the_curve(store, distance):
    """Each strategy has its value, its null band, its best and what it is like; the curve is drawn
    at its measured shares."""
    write_sample_audit(store)
    app = opened("transport", audit="sample", distance=distance)
    table = app.dataframe[0].value
    assert len(table) == len(Strategy)
    assert set(table["compared with random"]) <= {"closer", "farther", "not distinguishable"}
    (curve,) = [
        t for t in drawn(app, 1)["data"] if t.get("name") == "reference set, partly replaced"
    ]
    assert numbers(curve["x"]).tolist() == pytest.approx([tenth / 10 for tenth in range(11)])
    text = words(app).replace("\\", "")
    assert "held-out" in text
    assert "mean of 5 draws" in text


def test_a_distance_is_like_the_true_data_that_has_it():
    """Values of the curve itself are read as near their own shares, whichever way it runs."""
    shares = np.arange(11) / 10
    for distance, sign in zip(DISTANCES, (1, -1), strict=True):
        mean = 0.5 + sign * 0.3 * shares
        curve = pd.DataFrame(
            {"replaced_share": shares, "mean": mean, "low": mean - 0.01, "high": mean + 0.01}
        )
        found = read_from(curve, distance, 0.5 + sign * 0.3 * 0.45)
        assert (found.least, found.most) == (0.4, 0.5)
        assert read_from(curve, distance, 0.5 - sign * 0.3).least is None
        assert read_from(curve, distance, 0.5 + sign * 0.6).most is None
    assert in_words(Likeness(None, None)) == "like the reference set"
    assert in_words(Likeness(0.4, 0.5)) == "40–50%"
    assert in_words(Likeness(1.0, None)) == "beyond 100%"
    assert in_words(Likeness(None, 0.1)) == "0–10%"


def test_transport_without_a_reference_says_so(store):
    """There is no distance to what is not known."""
    write_sample_audit(store, has_truth=False)
    app = opened("transport", audit="sample")
    assert "no reference set" in app.info[0].value
    assert not app.get("plotly_chart")


def test_class_balance_shows_the_store_s_shares(store):
    """The table's shares are the store's counts over their sums, for each subject."""
    path = write_sample_audit(store)
    table = opened("class_balance", audit="sample").dataframe[0].value.set_index("")
    counts = read_label_counts(path)
    own = counts[counts["subject"] == "select"].set_index("label")["n"]
    expected = (100 * own / own.sum()).tolist()
    shown = [float(cell) for cell in table.loc["SELECT"].drop("imbalance")]
    assert shown == pytest.approx(expected, abs=0.05)
    assert {"seed corpus", "reference set"} <= set(table.index)
    assert table.loc["reference set", "imbalance"] == ""


@pytest.mark.parametrize("has_truth", [True, False])
@pytest.mark.parametrize("label_names", [[], ["a", "b"]])
def test_class_balance_by_source(store, has_truth, label_names):
    """By source the shares are those of where documents came from; without labels that is all."""
    write_sample_audit(store, has_truth=has_truth, label_names=label_names)
    app = opened("class_balance", audit="sample", **({"by": "source"} if label_names else {}))
    table = app.dataframe[0].value
    assert {"held-out, %", "web <i>, %"} <= set(table)
    assert ("reference set" in set(table[""])) == has_truth
    assert "imbalance" not in table


def test_bands_hold_what_random_selections_hold():
    """The band of a class is the central 95% of its share in random selections."""
    shares = pd.Series({"rare": 0.05, "common": 0.95})
    bands = random_bands(shares, 1_000, 100)
    draws = hypergeom(1_000, 50, 100).rvs(4_000, random_state=np.random.default_rng(0)) / 100
    is_inside = (draws >= bands.loc["rare", "low"]) & (draws <= bands.loc["rare", "high"])
    assert 0.95 <= is_inside.mean() < 0.999
    assert random_bands(shares, 1_000, 1_000).loc["rare", "high"] == 0.05


def test_rare_groups_are_taken_together():
    """Of many groups the largest stand alone; together with the rest they are everything."""
    counts = pd.DataFrame(
        {"subject": "select", "group": [f"g{n}" for n in range(40)], "n": np.arange(40) + 1}
    )
    table = share_table(counts, [f"g{n}" for n in range(40)])
    assert len(table) == MAX_GROUPS
    assert table["select"].sum() == pytest.approx(1)
    assert "g39" in table.index
    assert "g0" not in table.index


def test_the_curve_of_random_selections_stands_behind_the_objective(store):
    """The band is drawn at stored sizes, thinned where there are many, the last among them."""
    path = write_sample_audit(store, n_documents=3_000, budget=1_500)
    found = read_random_objective(path, 100)
    assert len(found) <= 101
    assert found["n_selected"].iloc[-1] == 1_500
    app = opened("selection", audit="sample")
    names = [trace.get("name") for trace in drawn(app)["data"]]
    assert names[0] == "random selections"
    assert {strategy.shown_as for strategy in Strategy} <= set(names)


def test_the_live_map_lies_where_the_map_does(store):
    """Titration draws its live selection at the places that Map draws, and says how they came."""
    path = write_sample_titration(store)
    with open_to_read(path) as connection:
        places = set(
            connection.execute(
                "SELECT x, y FROM map_points WHERE set_name = 'seed-corpus'"
            ).fetchall()
        )
    app = opened("titration", audit="titrated")
    before = live_places(app)
    assert before
    assert before <= places
    app.slider(key="share").set_value(100).run()
    assert live_places(app) != before
    assert "UMAP, n neighbors 15" in words(app).replace("\\", "")


def live_places(app):
    return {
        place
        for trace in drawn(app, 1)["data"]
        if trace["type"] == "scatter"
        for place in zip(numbers(trace["x"]).tolist(), numbers(trace["y"]).tolist(), strict=True)
    }


@pytest.mark.parametrize("page", ["map", "transport", "class_balance"])
def test_overview_links_to_each(store, page):
    """Overview has a link to the page, of the audit that is open."""
    write_sample_audit(store)
    links = opened("overview", audit="sample").get("page_link")
    assert any(link.proto.page == page and "sample" in str(link.proto) for link in links)
    assert Metric.OVERLAP == "overlap"
