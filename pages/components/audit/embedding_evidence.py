"""What the input embeddings show about one document, on its evidence card."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from assay.cache.audits.read import AuditFacts
from assay.cache.audits.vocabulary import read_document_evidence
from assay.core.findings.document_evidence import agreement_sentence, held_out_sentence
from assay.core.findings.vocabulary import text_sentence
from assay.pages.components.escaping import markdown_safe


def show_embeddings(path: Path, document_id: int, facts: AuditFacts) -> None:
    """Its tokens that never occurred, and how its rows moved; nothing for older audits."""
    vocabulary, found = facts.meta.vocabulary, read_document_evidence(path, document_id)
    if vocabulary is None or (found.n_different is None and found.agreement is None):
        return
    st.subheader("Input embeddings", anchor=False)
    if found.n_different is not None:
        st.write(markdown_safe(text_sentence(vocabulary, found.n_different, found.unmoved)))
        if found.unmoved:
            st.code("  ".join(found.unmoved), language=None, wrap_lines=True)
    if found.agreement is not None:
        assert found.rests_on is not None
        assert found.n_moved is not None
        sentence = agreement_sentence(found.agreement, found.rests_on, found.n_moved)
        st.write(markdown_safe(sentence))
        against = held_out_sentence(found.p_value, found.q_value)
        if against:
            st.write(markdown_safe(against))
