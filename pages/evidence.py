"""Everything that is known of one document, on one card."""

from __future__ import annotations

import streamlit as st

from cache.export import of_audit
from cache.read import read_document
from core.errors import InputError
from core.verdict import focus
from pages.parts import audits
from pages.parts.entry import enter
from pages.parts.evidence import (
    chosen_document,
    facts_table,
    show_neighbours,
    show_rankings,
    show_ranks,
)
from pages.parts.export import exported_table
from pages.parts.plain import markdown_safe

enter()

path = audits.chosen_audit()
facts = audits.facts(path)

st.title("Evidence")
st.caption(f"{markdown_safe(facts.meta['title'])} · one document of the seed corpus")
document_id = chosen_document(path, focus(facts.strategies), facts.meta["counts"]["n_documents"])
try:
    document = read_document(path, document_id)
except InputError as error:
    st.warning(markdown_safe(str(error)), icon=":material/search_off:")
    st.stop()

left, right = st.columns([3, 2])
with left:
    st.code(document["text"], language=None, wrap_lines=True)
with right:
    table = facts_table(document, facts.label_names)
    exported_table(of_audit(path), f"document-{document_id}", table)
st.caption("Aligned with the weight difference, or not; no score proves that it was trained on.")

show_ranks(path, document_id, facts.strategies)
show_rankings(path, document_id, facts)
show_neighbours(path, document_id, focus(facts.strategies))
