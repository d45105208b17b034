"""One audit at a glance: verdict, headline numbers with their nulls, provenance."""

from __future__ import annotations

import streamlit as st

from cache.export import of_audit
from cache.read import AuditFacts
from core.tables import TABLE, notes, strategy_table
from core.verdict import Rows, focus, verdict
from pages.parts import audits
from pages.parts.assessability import assessment_line
from pages.parts.entry import enter
from pages.parts.export import exported_table
from pages.parts.overview import (
    show_caveats,
    show_charts,
    show_headline_numbers,
    show_links,
    show_membership,
    show_provenance,
)
from pages.parts.plain import markdown_safe
from pages.parts.seeds import show_over_seeds

enter()

path = audits.chosen_audit()
facts, metrics = audits.facts(path), audits.metrics(path)
rows = Rows(metrics.to_dict("records"))
strategies = facts.strategies
chosen = focus(strategies)


def _kind(facts: AuditFacts) -> str:
    n_labels = len(facts.label_names)
    return f"{n_labels} labels" if n_labels else "next-token prediction"


counts = facts.meta["counts"]
st.title(markdown_safe(facts.meta["title"]))
st.caption(
    f"{counts['n_documents']:,} documents in the seed corpus · budget "
    f"{facts.meta['spec']['budget']:,} · {_kind(facts)} · "
    f"{markdown_safe(facts.meta['created_at'][:10])}"
)

assessment_line(facts, path)
found = verdict(rows, strategies)
with st.container(border=True):
    st.subheader(found.headline, anchor=False)
    for sentence in found.sentences:
        st.write(markdown_safe(sentence))

show_headline_numbers(rows, chosen)
show_charts(rows, strategies)

st.subheader("Every strategy", anchor=False)
exported_table(
    of_audit(path),
    "strategies",
    strategy_table(rows, strategies),
    note=notes(rows, strategies),
)
show_over_seeds(path, strategies, TABLE)
show_membership(path, rows, strategies)
show_links(facts, path.stem)
show_caveats(facts)
show_provenance(path, facts)
