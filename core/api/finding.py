"""The finding of any audit, also of one that ranked corpora."""

from __future__ import annotations

from pathlib import Path

from assay.cache.audits.corpus_ranking import read_groups, read_source_students
from assay.cache.audits.read import AuditFacts, read_metrics, read_titration
from assay.core.findings.audit import audit_finding
from assay.core.findings.corpus_ranking import corpus_ranking_finding
from assay.core.findings.finding import Finding, MetricTable
from assay.core.findings.initial_head import with_insiders_view
from assay.core.findings.titration import titration_finding
from assay.core.specs.audit import Assessability
from assay.core.specs.strategies import main_strategy


def finding_of(path: Path, facts: AuditFacts) -> Finding:
    """The headline and sentences that the audit's page shows."""
    return with_insiders_view(_found(path, facts), facts.meta)


def _found(path: Path, facts: AuditFacts) -> Finding:
    if facts.assessability is Assessability.NOT_ASSESSABLE:
        headline = "No documents were scored, so this does not show whether anything leaked."
        return Finding(headline, tuple(facts.meta["assessment"]["reasons"]))
    if facts.spec.corpora:
        groups, students = read_groups(path), read_source_students(path)
        sources = groups[groups["kind"] == "source"].to_dict("records")
        return corpus_ranking_finding(
            sources, students.to_dict("records"), facts.meta.get("projection")
        )
    if facts.spec.titration:
        grid = read_titration(path).to_dict("records")
        return titration_finding(grid, main_strategy(facts.strategies), facts.spec.budget)
    rows = MetricTable(read_metrics(path).to_dict("records"))
    return audit_finding(rows, facts.strategies, facts.vocabulary)
