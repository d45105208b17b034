"""The embedded demo, whole: minutes long, so run by `make test-slow`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.cache.audits.evidence import read_evidence
from assay.cache.audits.read import read_facts, read_metrics
from assay.cache.files.manifest import changed_tables
from assay.core.findings.answers.answer import Question, Standing
from assay.core.findings.answers.audit_answers import audit_answers, audit_finding
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
    assert changed_tables(path) == []
    facts, rows = read_facts(path), MetricTable(read_metrics(path).to_dict("records"))
    final, base = rows.get("final", Metric.ACCURACY), rows.get("base", Metric.ACCURACY)
    assert final["low"] > base["high"]
    assert facts.meta.counts.n_leaked > 0
    evidence = read_evidence(path, [], 0)
    found, answers = audit_finding(evidence), audit_answers(evidence)
    assert said["says"] == [found.headline, *found.sentences]
    assert [one["headline"] for one in said["answers"]] == [one.headline for one in answers.answers]
    told, proven = answers.to(Question.TOLD), answers.to(Question.PROVEN)
    assert told.headline.startswith("Input embeddings find ")
    assert "of 120 training documents at a false positive rate of 1%" in told.headline
    assert proven.headline.endswith("documents of the seed corpus were not trained on.")
    assert {told.standing, proven.standing} == {Standing.SINGLE}
    assert facts.meta.vocabulary.proves_absence
    assert facts.meta.vocabulary.longest_document == 32
    assert rows.get(Strategy.EMBEDDING_MATCH, Metric.MEMBERSHIP_AUC)["low"] > 0.8
    recall = {
        (row["strategy"], row["leaked_share"], row["seed"]): row["value"]
        for row in evidence.titration
        if row["metric"] == Metric.RECALL
    }
    assert {key[1:] for key in recall} == {
        (share, seed) for share in (0.25, 0.5, 0.75, 1.0) for seed in (0, 1, 2)
    }
    for _, *pool in list(recall):
        assert recall[(Strategy.EMBEDDING_MATCH, *pool)] > 2 * recall[(Strategy.RANDOM, *pool)]
    again = assay("demo", "--no-serve", "--json")
    assert json.loads(again.out) == {**said, "was_there": True}
    assert "done in" not in again.err
