"""The embedded demo, whole: minutes long, so run by `make test-slow`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cache.audits.read import read_facts, read_metrics
from assay.cache.files.manifest import check_manifest
from assay.core.findings.audit import audit_finding
from assay.core.findings.finding import MetricTable
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_demo_audits_and_then_only_looks(assay):
    """It makes a verified audit whose final model learned; a second run finds it done."""
    first = assay("demo", "--no-serve", "--json")
    assert first.status == 0, first.err
    said = json.loads(first.out)
    path = Path(said["path"])
    assert all(check.is_intact for check in check_manifest(path))
    facts, rows = read_facts(path), MetricTable(read_metrics(path).to_dict("records"))
    final, base = rows.get("final", Metric.ACCURACY), rows.get("base", Metric.ACCURACY)
    assert final["low"] > base["high"]
    assert facts.meta["counts"]["n_leaked"] > 0
    found = audit_finding(rows, facts.strategies, facts.vocabulary)
    assert said["says"] == [found.headline, *found.sentences]
    assert found.headline.startswith("Input embeddings find ")
    assert "of 120 documents that were trained on" in found.headline
    assert "documents were not trained on." in found.headline
    assert facts.vocabulary.proves_absence
    assert facts.vocabulary.longest_document == 32
    assert rows.get(Strategy.EMBEDDING_MATCH, Metric.MEMBERSHIP_AUC)["low"] > 0.8
    again = assay("demo", "--no-serve", "--json")
    assert json.loads(again.out) == {**said, "was_there": True}
    assert "done in" not in again.err
