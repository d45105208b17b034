"""One audit's answers: four questions in plain words, then the figures behind them."""

from __future__ import annotations

import streamlit as st

from assay.cache.audits.read import AuditFacts
from assay.cache.export import of_audit
from assay.core.findings.audit_tables import TABLE, notes, strategy_table
from assay.core.findings.finding import MetricTable
from assay.pages.components.audit import reads
from assay.pages.components.audit.answers import show_answers, show_failures
from assay.pages.components.audit.assessability import assessment_line
from assay.pages.components.audit.overview import (
    show_caveats,
    show_charts,
    show_membership,
    show_provenance,
)
from assay.pages.components.audit.repeats import show_over_seeds
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import column_meanings, exported_table
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("overview", titled_by_it=True)
facts, metrics = reads.facts(path), reads.metrics(path)
rows = MetricTable(metrics.to_dict("records"))
strategies = facts.strategies


def _kind(facts: AuditFacts) -> str:
    n_labels = len(facts.label_names)
    return f"{n_labels} labels" if n_labels else "next-token prediction"


counts = facts.meta.counts
st.title(markdown_safe(facts.meta.title))
st.caption(
    f"{counts.n_documents:,} documents in the seed corpus · budget "
    f"{facts.spec.budget:,} · {_kind(facts)} · "
    f"{markdown_safe(facts.meta.created_at[:10])}"
)

assessment_line(facts, path)
found = reads.answers(path)
show_answers(path, facts, rows, found)
show_failures(found)
show_caveats(facts)

show_charts(rows, strategies)
st.subheader("All strategies", anchor=False)
exported_table(
    of_audit(path),
    "strategies",
    strategy_table(rows, strategies),
    note=notes(rows, strategies),
    column_config=column_meanings(TABLE),
)
show_over_seeds(path, strategies, TABLE)
show_membership(path, rows, strategies)
show_provenance(path, facts)
