"""Transport and Class balance: what is drawn is what the store holds, beside its null."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from support.audit_file import write_sample_audit
from support.pages import opened, words
from support.plotly import drawn, numbers

from assay.cache.audits.comparison import (
    read_label_counts,
    read_overlap,
    read_random_objective,
)
from assay.cache.audits.read import read_metrics
from assay.cache.files.database import open_to_read
from assay.core.findings.class_shares import MAX_GROUPS, random_bands, share_table
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import capitalized, possessive
from assay.core.similarity.replacement_curve import Likeness
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, strategies_for
from assay.pages.components.audit.transport_tables import (
    DISTANCES,
    in_words,
    leading,
    read_from,
)
from assay.pages.components.charts import dot_plot


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


def test_labels_of_near_lines_stand_to_both_sides():
    """Centred they would lie on each other; those of lines far apart are centred."""

    def sides(**lines):
        rows = {Strategy.SELECT: {"value": 1.2, "low": None, "null_low": None, "null_high": None}}
        figure = dot_plot(rows, lines, Metric.TRANSPORT.info)
        return {one.text: one.xanchor for one in figure.layout.annotations}

    assert sides(reference=0.90, held=0.99) == {"reference": "right", "held": "left"}
    assert sides(reference=0.20, held=1.15) == {"reference": "center", "held": "center"}
    assert sides(reference=0.90) == {"reference": "center"}


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


def test_a_mark_at_zero_is_drawn_whole(sample):
    """No reference document is from the web, and its mark is not cut by the edge of the panel."""
    marks = [
        one
        for one in drawn(opened("class_balance", audit="sample", by="source"))["data"]
        if one["type"] == "scatter"
    ]
    assert any(0 in numbers(one["x"]) for one in marks)
    assert {one["cliponaxis"] for one in marks} == {False}


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


@pytest.mark.parametrize("page", ["map", "transport", "class_balance"])
def test_overview_links_to_each(sample, page):
    """Overview has a link to the page, of the audit that is open."""
    links = opened("overview", audit="sample").get("page_link")
    assert any(link.proto.page == page and "sample" in str(link.proto) for link in links)
    assert Metric.OVERLAP == "overlap"
