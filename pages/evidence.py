"""Everything that is known about one document, on one card."""

from __future__ import annotations

import streamlit as st

from assay.cache.audits.read import read_document
from assay.cache.export import of_audit
from assay.core.errors import InputError
from assay.core.specs.strategies import Strategy, leading_strategy
from assay.pages.components.annotations.documents import show_document_annotation
from assay.pages.components.audit import reads
from assay.pages.components.audit.embedding_evidence import show_embeddings
from assay.pages.components.audit.evidence import (
    chosen_document,
    facts_table,
    show_neighbours,
    show_rankings,
    show_ranks,
)
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import DOCUMENT
from assay.pages.components.export import wrapped_table
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("evidence")
facts = reads.facts(path)
leading = Strategy(leading_strategy(facts.strategies))

st.caption(f"{markdown_safe(facts.meta.title)} · one document of the seed corpus")
document_id = chosen_document(path, leading, facts.meta.counts.n_documents)
try:
    document = read_document(path, document_id)
except InputError as error:
    st.warning(markdown_safe(str(error)), icon=":material/search_off:")
    st.stop()

left, right = st.columns([3, 2])
with left:
    st.code(document["text"], language=None, wrap_lines=True)
    show_document_annotation(path, document_id, document["text_hash"])
with right:
    table = facts_table(document, facts)
    wrapped_table(of_audit(path), f"document-{document_id}", table, {DOCUMENT: document_id})
st.caption(
    "Scores show how the document is aligned with the weight difference. No score proves that it "
    "was trained on."
)

show_embeddings(path, document_id, facts)
show_ranks(path, document_id, facts.strategies)
show_rankings(path, document_id, facts)
show_neighbours(path, document_id, leading)
