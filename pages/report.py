"""One audit as a document to sign: preview and download."""

from __future__ import annotations

import streamlit as st

from assay.pages.components.asked_for import accept_switch
from assay.pages.components.audit import reads
from assay.pages.components.audit.documents_to_send import show_downloads, show_inside
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter

enter()

_TEXTS = "Include the text of selected documents"
path = reads.chosen_audit("report", even_if_not_assessable=True)

st.caption(
    f"{markdown_safe(reads.facts(path).meta.title)} · one file without scripts or links, with "
    "the audit's id and checksum on every printed page"
)
accept_switch("texts", _TEXTS)
with st.container(horizontal=True, vertical_alignment="center"):
    with_documents = st.toggle(_TEXTS, key="texts", bind="query-params")
    st.space("stretch")
    page = reads.report(path, with_documents)
    show_downloads(page, path.stem)
st.caption("In a terminal:")
option = " --with-documents" if with_documents else ""
st.code(
    f"assay report {path.stem} --out {path.stem}.html --pdf {path.stem}.pdf{option}",
    language=None,
    wrap_lines=True,
)
show_inside(page, 900, "Preview of the report")
