"""`assay compare` in a terminal and as JSON, and what it refuses."""

from __future__ import annotations

import json

import pytest
from support.compared_audits import write_compared

from assay.cache.store import Store


@pytest.fixture
def audits():
    store = Store.default()
    weak = write_compared(store, "sample", gain=0.2, seed=1, title="Weak\x1b[2J")
    return weak, write_compared(store, "second", gain=3.0, seed=2, budget=30, title="Strong")


def test_the_answer_comes_first_and_the_page_last(assay, audits):
    """Two sentences, then the audits, the settings that differ, a table, and the link that shows
    the same; nothing that commands a terminal."""
    said = assay("compare", "sample", "second")
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("Confidence gain ranks training documents")
    assert "more often in B than in A" in lines[0]
    assert "95% interval" in lines[0]
    assert "corrected for" in lines[0]
    assert any(line.split() == ["--budget", "60", "30"] for line in lines)
    assert any(line.split()[:3] == ["membership", "AUC", "confidence"] for line in lines)
    assert lines[-1].endswith("/compare?audits=sample,second")
    assert "\x1b" not in said.out


def test_json_holds_every_figure(assay, audits):
    """One object: both audits with their metrics, all settings, differences and overlaps; a file
    from elsewhere counts as an audit."""
    said = assay("compare", "sample", str(audits[1]), "--json")
    assert said.status == 0, said.err
    found = json.loads(said.out)
    assert [one["called"] for one in found["audits"]] == ["A", "B"]
    assert all(one["metrics"] for one in found["audits"])
    assert {"name": "--budget", "values": ["60", "30"], "differs": True} in found["settings"]
    (auc,) = [d for d in found["differences"] if d["subject"] == "confidence-gain"]
    assert auc["pair"] == ["A", "B"]
    assert auc["difference"]["low"] > 0
    assert found["shared_documents"] == [{"audits": ["A", "B"], "n": 400}]
    assert found["overlaps"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["sample"], "2 to 8 different audits"),
        (["sample", "sample"], "2 to 8 different audits"),
        ([f"audit-{n}" for n in range(9)], "2 to 8 different audits"),
        (["sample", "nobody"], "an audit in this store"),
        (["sample", "./nobody.duckdb"], "an existing file"),
    ],
)
def test_what_cannot_be_compared_is_refused(assay, audits, names, message):
    """Too few, too many and unknown audits end with one sentence and status 2."""
    said = assay("compare", *names)
    assert said.status == 2
    assert message in said.err
    assert said.out == ""
