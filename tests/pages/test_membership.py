"""The Membership page: rankings beside their nulls, the winner in words, gaps explained."""

from __future__ import annotations

import json
import re

import pytest
from support.audit_file import write_sample_audit
from support.pages import opened, words
from support.titration_audit import write_sample_titration

from assay.cache.audits.membership import read_rankings
from assay.cache.audits.read import read_metrics
from assay.core.findings.membership import membership_finding
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import baselines_for, shown_as
from assay.pages.components.escaping import markdown_safe


def test_every_ranking_is_shown_with_its_interval_and_null(store):
    """Strategies, baselines and text alone are all in the table; each AUC is the stored one."""
    path = write_sample_titration(store, grid=None)
    app = opened("membership", audit="titrated")
    table = app.dataframe[0].value
    metrics = read_metrics(path).set_index(["subject", "metric"])
    names = ["select", "random", "p-min", "blind", *baselines_for(Task.CLASSIFICATION)]
    assert set(table["ranking"]) == {shown_as(name) for name in names}
    for name in names:
        (line,) = table[table["ranking"] == shown_as(name)].to_dict("records")
        row = metrics.loc[(name, Metric.MEMBERSHIP_AUC)]
        assert line["membership AUC"].startswith(f"{row['value']:.3f} [")
        assert line["by chance"].startswith(f"{row['null_low']:.3f}")
    found = membership_finding(read_metrics(path).to_dict("records"), "select")
    assert markdown_safe(found.headline) in words(app)


def test_the_curve_starts_at_single_documents(store):
    """The figure is logarithmic, has chance on it, and a line for every ranking asked for."""
    path = write_sample_titration(store, grid=None)
    app = opened("membership", audit="titrated")
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert spec["layout"]["xaxis"]["type"] == spec["layout"]["yaxis"]["type"] == "log"
    assert {"chance", "SELECT", "loss ratio"} <= {trace["name"] for trace in spec["data"]}
    app.multiselect(key="rankings").set_value(["p-min"]).run()
    spec = json.loads(app.get("plotly_chart")[0].proto.spec)
    assert [trace["name"] for trace in spec["data"]] == ["P-min", "chance"]
    assert not read_rankings(path, "held-out").empty
    assert not read_rankings(path, None)["is_trained"].eq(False).any()


UNKNOWN = ("0 training", "0 held-out", "0 of the reference", "reference set's own", "Diamonds")


@pytest.mark.parametrize(
    "page", ["membership", "titration", "map", "class_balance", "selection", "evidence", "overview"]
)
def test_what_nobody_knows_is_not_called_none(store, page):
    """Without a reference set no page counts training documents or calls a document outside of it;
    with one the pages do."""
    write_sample_audit(store, audit_id="unknown", has_truth=False)
    write_sample_audit(store, audit_id="known")
    said, known = opened(page, audit="unknown"), opened(page, audit="known")
    assert not [one for one in UNKNOWN if one in words(said).replace("\\", "")]
    assert cells_about_the_reference(said) <= {"—"}
    if page in ("selection", "evidence", "overview"):
        assert cells_about_the_reference(known) - {"—"}
    else:
        assert re.search(r"\d (training|of the reference)|Diamonds", words(known))


def cells_about_the_reference(app):
    """What tables say of the reference set, in a row or a column of their own."""
    found = set()
    # What is unknown is shown as a dash.
    for table in (one.value.fillna("—") for one in (*app.dataframe, *app.table)):
        for name in set(table) & {"reference", "in reference"}:
            found |= set(table[name].astype(str))
        if "fact" in table:
            is_about = table["fact"].isin(
                ["reference", "leaked", "held out", "in the reference set"]
            )
            found |= set(table.loc[is_about, "value"].astype(str))
    return found


def test_what_is_missing_is_said(store):
    """Without a reference set nothing is judged, and the page says what to give."""
    write_sample_audit(store, audit_id="unknown", has_truth=False)
    app = opened("membership", audit="unknown")
    assert "no reference set" in app.info[0].value.replace("\\", "")
    assert "--held-out-source" in words(app)
    assert not app.dataframe
