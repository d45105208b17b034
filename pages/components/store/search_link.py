"""The search box of the sidebar, which leads to the page Search."""

from __future__ import annotations

import streamlit as st

from assay.pages.components.page_table import PAGES, PageEntry

# The parameter of the page's address that holds the words.
WORDS = "q"
_BOX, _ASKED = "search everything", "words to search for"


def offer_search(page: PageEntry) -> None:
    """A box for words; the page Search has a larger one of its own."""
    if page.name == "search":
        return
    st.text_input(
        "Search everything",
        key=_BOX,
        type="search",
        max_chars=200,
        placeholder="Search everything",
        label_visibility="collapsed",
        on_change=_ask,
    )
    asked = st.session_state.pop(_ASKED, "")
    if asked:
        st.switch_page(PAGES["search"].file, query_params={WORDS: asked})


def _ask() -> None:
    # Switching pages is for the run, not for the callback before it.
    st.session_state[_ASKED] = (st.session_state[_BOX] or "").strip()
    st.session_state[_BOX] = ""
