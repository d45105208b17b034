"""Map, Transport and Class balance: what is drawn is what the store holds, beside its null."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from support.audit_file import HOSTILE, LABELS, N_REFERENCE, write_sample_audit
from support.pages import opened, words
from support.paths import ROOT
from support.titration_audit import write_sample_titration

from assay.cache.audits.comparison import (
    read_label_counts,
    read_overlap,
    read_places,
    read_random_objective,
    read_selected_places,
)
from assay.cache.audits.map_documents import read_documents, read_matching
from assay.cache.audits.read import SelectionFilter, read_metrics
from assay.cache.files.database import open_to_read
from assay.cache.store import Store
from assay.core.findings.class_shares import MAX_GROUPS, random_bands, share_table
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import capitalized, possessive
from assay.core.similarity.replacement_curve import Likeness
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, strategies_for
from assay.pages.components.audit.map_chart import MAX_DRAWN
from assay.pages.components.audit.map_choice import area_from, as_text, inside
from assay.pages.components.audit.map_controls import HOVER_CHARACTERS, MAX_POINTS
from assay.pages.components.audit.transport_tables import (
    DISTANCES,
    in_words,
    leading,
    read_from,
)
from assay.pages.components.charts import dot_plot
from assay.pages.components.escaping import plotly_safe


@pytest.fixture
def store():
    return Store.default()


def drawn(app, number=0):
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def numbers(values):
    """What Plotly sends: a list, or bytes with their type."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    return np.asarray(values)


def chart(app):
    """What the map's canvas is given."""
    (one,) = app.get("bidi_component")
    return json.loads(one.proto.json)


def test_every_document_is_a_point_of_the_map(sample):
    """Of a pool of ordinary size all documents travel as points with text, label and source."""
    app = opened("map", audit="sample", strategy="SELECT", beside="random")
    data = chart(app)
    assert data["pool"]["id"] == list(range(400))
    assert data["density"] is None
    assert [panel["title"] for panel in data["panels"]] == ["SELECT", "random"]
    assert [len(panel["id"]) for panel in data["panels"]] == [60, 60]
    assert len(data["reference"]["id"]) == N_REFERENCE
    assert all(len(text) <= HOVER_CHARACTERS + 1 for text in data["pool"]["text"])
    assert data["pool"]["about"][0].split(" · ")[0] in LABELS
    assert "UMAP, 15 neighbours, seed 0" in words(app).replace("\\", "")


def test_a_large_pool_is_a_density_with_matches_as_points(store):
    """Beyond 20,000 documents the density is drawn, and only documents that match are points."""
    write_sample_audit(store, n_documents=MAX_DRAWN + 1, budget=150)
    data = chart(opened("map", audit="sample", strategy="SELECT"))
    assert sum(data["density"]["counts"]) == MAX_DRAWN + 1
    assert data["pool"]["id"] == []
    assert len(json.dumps(data)) < 400_000
    data = chart(opened("map", audit="sample", strategy="SELECT", selected="random"))
    path = store.audits / "sample.duckdb"
    random = read_selected_places(path, Strategy.RANDOM, 1_000)["document_id"]
    assert data["pool"]["id"] == sorted(random)


def test_a_large_selection_is_drawn_in_part_and_said_so(store):
    """Of a selection of more than can be drawn the first are, and the page says how many."""
    write_sample_audit(store, n_documents=4_000, budget=MAX_POINTS + 500)
    app = opened("map", audit="sample", strategy="SELECT")
    assert [len(panel["id"]) for panel in chart(app)["panels"]] == [MAX_POINTS]
    assert f"first {MAX_POINTS:,} selected documents are drawn" in words(app).replace("\\", "")


@pytest.mark.parametrize("colour", ["strategy", "pseudolabel", "source", "gain"])
def test_every_colouring_draws_every_document_once(sample, colour):
    """Whatever the colours say, each selected document is one mark of a known colour and shape."""
    data = chart(opened("map", audit="sample", strategy="SELECT", colour=colour))
    (panel,) = data["panels"]
    assert sorted(panel["id"]) == sorted(
        read_selected_places(sample, Strategy.SELECT, 100)["document_id"].tolist()
    )
    assert len(panel["colour"]) == len(panel["shape"]) == 60
    assert all(0 <= one < len(data["colours"]) for one in panel["colour"])
    assert all(0 <= one < len(data["shapes"]) for one in panel["shape"])


def test_true_documents_are_coloured_as_selected_ones_and_can_be_left_out(store):
    """By label a reference document has its label's colour; the switch takes them away, and an
    audit that knows none has no switch."""
    write_sample_audit(store)
    write_sample_audit(store, audit_id="blind", has_truth=False)
    data = chart(opened("map", audit="sample", strategy="SELECT", colour="pseudolabel"))
    colours = {entry["name"]: entry["colour"] for entry in data["legend"]}
    for code, about in zip(data["reference"]["colour"], data["reference"]["about"], strict=True):
        label = about.removeprefix("true label ").split(" · ")[0]
        assert data["colours"][code] == colours[label]
    assert (
        chart(opened("map", audit="sample", strategy="SELECT", true="false"))["reference"] is None
    )
    assert not opened("map", audit="blind").toggle


def test_the_filter_button_says_how_many_filters_are_in_force(sample):
    """Without a filter it says nothing; with some it stands out and counts them, whether the
    address or a control set them; search and what is drawn are no filters behind it."""

    def button(app):
        (found,) = (one.proto for one in app.get("popover") if "Filter" in one.proto.popover.label)
        return found.popover.label, found.popover.type

    app = opened("map", audit="sample", strategy="SELECT", search="market", words="false")
    assert button(app) == ("Filter", "secondary")
    app.multiselect(key="labels").set_value([LABELS[0], LABELS[1]]).run()
    assert button(app) == ("Filter (1)", "primary")
    app.selectbox(key="selected").set_value("select").run()
    assert button(app) == ("Filter (2)", "primary")
    app.multiselect(key="labels").set_value([]).run()
    app.selectbox(key="selected").set_value("nothing").run()
    assert button(app) == ("Filter", "secondary")
    linked = opened(
        "map",
        audit="sample",
        strategy="SELECT",
        labels=LABELS[0],
        mark="rejected",
        selected="select",
    )
    assert button(linked) == ("Filter (3)", "primary")


def test_filters_and_search_highlight_on_the_map(sample):
    """Exactly the documents that match are marked in the pool and in selections, and listed."""
    app = opened("map", audit="sample", strategy="SELECT", search="MARKET", labels="sport")
    data = chart(app)
    wanted = read_matching(sample, SelectionFilter("market", (LABELS.index("sport"),)), None)
    marked = [
        number
        for number, is_match in zip(data["pool"]["id"], data["pool"]["match"], strict=True)
        if is_match
    ]
    assert 0 < len(wanted) < 400
    assert marked == wanted.tolist()
    (panel,) = data["panels"]
    assert [number in set(marked) for number in panel["id"]] == [*map(bool, panel["match"])]
    assert len(app.dataframe[0].value) == len(wanted)
    assert chart(opened("map", audit="sample", strategy="SELECT"))["pool"]["match"] is None


def test_an_area_in_the_link_lists_its_documents(sample):
    """The documents inside are listed, selected ones first; what is no area is ignored."""
    app = opened("map", audit="sample", strategy="SELECT", area="0-0.1000-0.1000-500.0-500")
    data = chart(app)
    left, bottom, _, top = data["bounds"]
    places = read_places(sample)
    is_inside = places[:, 1] <= bottom + (top - bottom) / 2
    assert 0 < is_inside.sum() < 400
    table = app.dataframe[0].value
    assert len(table) == is_inside.sum()
    ranks = table["rank, SELECT"].dropna().tolist()
    assert ranks == sorted(ranks)
    assert table["rank, SELECT"].iloc[: len(ranks)].notna().all()
    assert data["area"][0] == pytest.approx([left, bottom])
    # An area means the same place whether reference documents are drawn or not.
    without = opened(
        "map", audit="sample", strategy="SELECT", true="false", area="0-0.1000-0.1000-500.0-500"
    )
    assert chart(without)["area"] == data["area"]
    for wrong in ("x", "1-2.3-4", "1-2-3.4-5.6-7", "<script>"):
        assert chart(opened("map", audit="sample", strategy="SELECT", area=wrong))["area"] is None


def test_an_area_survives_its_link():
    """Written and read again, an area holds the same places; long ones are thinned."""
    bounds = (-3.0, -2.0, 5.0, 4.0)
    places = np.random.default_rng(0).uniform((-3, -2), (5, 4), (5_000, 2)).astype(np.float32)
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = np.stack([1 + 2 * np.cos(angle), 1 + 2 * np.sin(angle)], axis=1)
    text = as_text(circle.tolist(), bounds)
    assert len(text) < 500
    is_inside = inside(places, area_from(text, bounds))
    is_near = np.hypot(places[:, 0] - 1, places[:, 1] - 1) < 2
    assert (is_inside == is_near).mean() > 0.99
    assert inside(places, circle).sum() == pytest.approx(is_near.sum(), rel=0.01)


def test_a_document_in_the_link_is_read_beside_the_map(sample):
    """Its text stands there letter by letter, and the map marks it; a wrong number says so."""
    app = opened("map", audit="sample", strategy="SELECT", document="7")
    (text,) = read_documents(sample, [7], (Strategy.SELECT,))["text"]
    assert text in [code.value for code in app.code]
    assert chart(app)["open"] == [pytest.approx(read_places(sample)[7].tolist())]
    reference = opened("map", audit="sample", strategy="SELECT", reference="0")
    assert any(HOSTILE in code.value for code in reference.code)
    assert (
        "no document 99999"
        in opened("map", audit="sample", strategy="SELECT", document="99999").warning[0].value
    )


def test_documents_are_read_with_ranks(sample):
    """The asked documents, each once, those with the best rank first."""
    chosen = read_selected_places(sample, Strategy.SELECT, 3)["document_id"].tolist()
    others = sorted({399, 0} - set(chosen))
    rows = read_documents(sample, [*others, *chosen], (Strategy.SELECT,))
    assert rows["document_id"].tolist() == [*chosen, *others]
    assert rows["rank_0"].tolist()[:3] == [0, 1, 2]
    assert len(read_documents(sample, range(400), (Strategy.SELECT,), 9)) == 9


def test_names_in_figures_are_shown_letter_by_letter(store):
    """A label or source with markup reaches no figure as markup; long ones are cut."""
    assert plotly_safe("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert len(plotly_safe("n" * 500)) == 40
    write_sample_audit(store, label_names=[HOSTILE, "<b>x</b>", "c", "d"])
    spec = opened("class_balance", audit="sample").get("plotly_chart")[0].proto.spec
    assert "<script" not in spec
    assert "<b>x" not in spec


def test_the_canvas_makes_no_markup():
    """The map's script sets text alone: nothing in it turns a document into HTML."""
    script = (ROOT / "pages/components/audit/map_canvas.js").read_text()
    assert "textContent" in script
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser"):
        assert way not in script


def test_without_a_map_the_page_says_so(store):
    """An audit that keeps no places explains itself."""
    write_sample_audit(store, n_documents=0, budget=0, has_truth=False)
    assert "has no map" in opened("map", audit="sample", strategy="SELECT").info[0].value


def test_near_duplicates_are_counted_beside_exact_ones(sample):
    """Exact ones are not counted again as near, nor a document for each of its pairs."""
    with open_to_read(sample) as connection:
        ((n_exact, n_near),) = connection.execute(
            "SELECT count(*) FILTER (WHERE in_reference), count(*) FILTER (WHERE NOT in_reference "
            "AND document_id IN (0, 1)) FROM documents"
        ).fetchall()
    found = read_overlap(sample)
    assert (found.n_exact, found.n_near) == (n_exact, n_near)
    assert n_exact > 0


@pytest.mark.parametrize("distance", [one.title for one in DISTANCES])
def test_transport_shows_every_strategy_beside_chance_and_the_curve(sample, distance):
    """Each strategy has its value, its null band, its best and what it is like; the curve is drawn
    at its measured shares."""
    app = opened("transport", audit="sample", distance=distance)
    table = app.dataframe[0].value
    assert len(table) == len(strategies_for(Task.CLASSIFICATION))
    assert set(table["result"]) <= {"closer", "farther", "not distinguishable"}
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


@pytest.mark.parametrize("metric", [Metric.ACCURACY, Metric.TRANSPORT])
def test_the_best_is_on_top_whichever_way_is_better(metric):
    """So charts side by side read in one direction; the axis says what is measured."""
    row = {"low": np.nan, "high": np.nan, "null_low": np.nan, "null_high": np.nan}
    values = {Strategy.SELECT: 0.5, Strategy.RANDOM: 0.9, Strategy.TOP_K: 0.1}
    rows = {one: {**row, "value": value} for one, value in values.items()}
    figure = dot_plot(rows, {}, metric.info)
    best = Strategy.TOP_K if metric.info.is_lower_better else Strategy.RANDOM
    # The first is drawn at the bottom.
    assert figure.data[-1].y == (best.shown_as,)
    assert figure.data[1].y == ("SELECT",)
    assert figure.layout.xaxis.title.text == metric.info.short


def test_transport_leads_with_what_is_closer_than_chance(sample):
    """As Overview does, whichever strategy it is; the main one, declared beforehand, follows. Where
    nothing is closer, the main one leads, and random selection never does."""
    app = opened("transport", audit="sample")
    table = app.dataframe[0].value.set_index("strategy")
    closer = table[table["result"] == "closer"].index.drop("random", errors="ignore")
    assert closer[0] != "SELECT"
    assert app.subheader[0].value.startswith(
        f"{capitalized(possessive(closer[0]))} selection is closer than"
    )
    assert "SELECT's selection is" in words(app)
    rows = MetricTable(read_metrics(sample).to_dict("records"))
    usual = [Strategy.RANDOM, Strategy.SELECT, Strategy.P_MIN]
    for row in rows.all():
        if row["metric"] == Metric.TRANSPORT:
            row |= {"value": row["null_value"], "p_value": 1.0}
    assert leading(rows, usual, DISTANCES[0]) is Strategy.SELECT


def test_transport_without_a_reference_says_so(store):
    """There is no distance to what is not known."""
    write_sample_audit(store, has_truth=False)
    app = opened("transport", audit="sample")
    assert "no reference set" in app.info[0].value
    assert not app.get("plotly_chart")


def test_class_balance_shows_the_store_s_shares(sample):
    """The table's shares are the store's counts over their sums, for each subject."""
    table = opened("class_balance", audit="sample").dataframe[0].value.set_index("set")
    counts = read_label_counts(sample)
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
    assert ("reference set" in set(table["set"])) == has_truth
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
    assert {one.shown_as for one in strategies_for(Task.CLASSIFICATION)} <= set(names)


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
    assert "UMAP, 15 neighbours" in words(app).replace("\\", "")


def live_places(app):
    series = json.loads(app.get("echarts_chart")[1].proto.spec)["series"]
    return {tuple(point[:2]) for one in series if one["type"] == "scatter" for point in one["data"]}


@pytest.mark.parametrize("page", ["map", "transport", "class_balance"])
def test_overview_links_to_each(sample, page):
    """Overview has a link to the page, of the audit that is open."""
    links = opened("overview", audit="sample").get("page_link")
    assert any(link.proto.page == page and "sample" in str(link.proto) for link in links)
    assert Metric.OVERLAP == "overlap"
