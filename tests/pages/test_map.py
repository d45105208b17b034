"""The Map page: every document of the store is drawn, found, filtered and read beside it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.audit_file import HOSTILE, LABELS, N_REFERENCE, write_sample_audit
from support.pages import opened, words
from support.paths import ROOT
from support.titration_audit import write_sample_titration

from assay.cache.audits.comparison import (
    read_places,
    read_selected_places,
)
from assay.cache.audits.map_documents import read_documents, read_matching
from assay.cache.audits.read import SelectionFilter
from assay.cache.files.database import open_to_read
from assay.core.specs.strategies import Strategy
from assay.pages.components.audit.map_chart import MAX_DRAWN
from assay.pages.components.audit.map_choice import area_from, as_text, inside
from assay.pages.components.audit.map_controls import HOVER_CHARACTERS, MAX_POINTS
from assay.pages.components.escaping import plotly_safe


def chart(app):
    """What the map's canvas is given."""
    (one,) = app.main.get("bidi_component")
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


def test_of_many_matches_some_of_everywhere_are_drawn_and_said_so(store, monkeypatch):
    """Not the first ones, which may come from one source; what is listed holds all of them."""
    monkeypatch.setattr("assay.pages.components.audit.map_chart.MAX_DRAWN", 300)
    monkeypatch.setattr("assay.pages.components.audit.map_chart.MAX_MATCHES", 50)
    path = write_sample_audit(store)
    matching = read_matching(path, SelectionFilter("market", (), ()), None).tolist()
    assert len(matching) > 100
    app = opened("map", audit="sample", search="market")
    points = chart(app)["pool"]["id"]
    assert 40 < len(points) <= 50
    assert set(points) <= set(matching)
    assert points[-1] > matching[-1] - 20
    said = words(app).replace("\\", "")
    assert f"{len(matching)} documents match. {len(points)} of them are drawn." in said
    assert f"**{len(matching)} documents**" in said
    few = opened("map", audit="sample", documents="3,17")
    assert chart(few)["pool"]["id"] == [3, 17]
    assert "of them are drawn" not in words(few)


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


def test_search_and_labels_highlight_reference_documents_too(sample):
    """Those with the words and a chosen true label stand out, and an area lists only them; a filter
    that does not concern them changes nothing (the control)."""
    everywhere = {"audit": "sample", "strategy": "SELECT", "area": "0-0.1000-0.1000-1000.0-1000"}
    asked = {"search": "MARKET", "labels": "sport"}
    app = opened("map", **everywhere, **asked)
    with open_to_read(sample) as connection:
        wanted = connection.execute(
            "SELECT reference_id FROM reference_documents "
            "WHERE contains(lower(text), 'market') AND label = ? ORDER BY reference_id",
            [LABELS.index("sport")],
        ).fetchall()
    drawn = chart(app)["reference"]
    marked = [one for one, is_match in zip(drawn["id"], drawn["match"], strict=True) if is_match]
    assert 0 < len(wanted) < N_REFERENCE
    assert sorted(marked) == [number for (number,) in wanted]
    assert len(app.dataframe[1].value) == len(wanted)
    for own in ({}, {"selected": "SELECT"}):
        other = opened("map", **everywhere, **own)
        assert chart(other)["reference"]["match"] is None
        assert len(other.dataframe[1].value) == N_REFERENCE


@pytest.mark.parametrize(("colour", "said"), [("strategy", "Grey"), ("source", "Small")])
def test_the_caption_calls_unselected_points_what_they_look_like(sample, colour, said):
    """Grey where colours mean strategies; small where every document has its group's colour."""
    app = opened("map", audit="sample", strategy="SELECT", colour=colour)
    assert f"{said} points: documents that were not selected." in words(app)


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
