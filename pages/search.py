"""Find audits, documents, notes and topics in the whole store; and the views that were saved."""

from __future__ import annotations

import streamlit as st

from assay.cache.store import Store
from assay.core.errors import InputError
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter
from assay.pages.components.store.saved_views import show_views
from assay.pages.components.store.search import found_in, show_found
from assay.pages.components.store.search_link import WORDS

enter()

st.title("Search")
words = st.text_input(
    "Search",
    key=WORDS,
    bind="query-params",
    type="search",
    max_chars=200,
    placeholder="audits, documents, notes and topics",
    label_visibility="collapsed",
)
if words:
    try:
        show_found(found_in(Store.default(), words), words)
    except InputError as error:
        st.warning(markdown_safe(str(error)), icon=":material/search_off:")
else:
    st.caption(
        "Titles, models and corpora of audits, the texts of their documents, notes and tags, and "
        "the topics of decompressions."
    )
show_views()
