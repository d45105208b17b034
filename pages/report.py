"""One audit as a document to sign: preview and download."""

from __future__ import annotations

import base64

import streamlit as st

from assay.pages.components.audit import reads
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit(even_if_not_assessable=True)

st.title("Report")
st.caption(
    f"{markdown_safe(reads.facts(path).meta.title)} · one HTML file without scripts or links; "
    "print it to PDF from the browser"
)
with st.container(horizontal=True, vertical_alignment="center"):
    with_documents = st.toggle(
        "Include the text of selected documents", key="texts", bind="query-params"
    )
    st.space("stretch")
    page = reads.report(path, with_documents)
    st.download_button(
        "Download",
        page,
        file_name=f"{path.stem}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
    )
st.caption("In a terminal:")
option = " --with-documents" if with_documents else ""
st.code(f"assay report {path.stem} --out {path.stem}.html{option}", language=None)
# A data URL is an origin of its own: nothing in the preview can reach the dashboard.
st.iframe(
    "data:text/html;base64," + base64.b64encode(page.encode()).decode(),
    height=900,
    alt="Preview of the report",
)
