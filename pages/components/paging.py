"""Long tables, a page at a time."""

from __future__ import annotations

import streamlit as st

from assay.core.findings.formatting import counted
from assay.pages.components.asked_for import accept_number


def first_row(n_rows: int, n_per_page: int, what: str) -> int:
    """How many rows stand before the chosen page. Says how many there are; ``what``: one of
    them."""
    n_pages = max(1, -(-n_rows // n_per_page))
    accept_number("page", "Page", 1, n_pages)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = _page_number(n_pages) if n_pages > 1 else 1
        st.caption(counted(n_rows, what))
    return n_per_page * (number - 1)


def _page_number(n_pages: int) -> int:
    """The page's number, stored in the address; 1 if that page does not exist."""
    if not 1 <= st.session_state.get("page", 1) <= n_pages:
        st.session_state["page"] = 1
    number = st.number_input(
        f"Page of {n_pages:,}", 1, n_pages, key="page", width=160, bind="query-params"
    )
    return int(number)
