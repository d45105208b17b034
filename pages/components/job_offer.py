"""How to get what a page lacks: the form of the job that makes it, and its command."""

from __future__ import annotations

import streamlit as st

from assay.cache.store import Store
from assay.pages.components.navigation import page_file


def offer_job(kind: str, label: str, command: str) -> None:
    """A link to the form, where jobs may be started, and what to run in a terminal."""
    if not Store.default().is_for_reading:
        st.page_link(
            page_file("new_audit"),
            label=label,
            icon=":material/add_circle:",
            query_params={"kind": kind},
        )
    st.caption("In a terminal:")
    st.code(command, language=None)
