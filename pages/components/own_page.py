"""From one address of a page to another of the same page.

Streamlit's own link does not put what it asks for into the address there: a copied address, a
reload and the choice of the audit would still be of what was left.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def link_to_own_page(label: str, icon: str, query: Mapping[str, str]) -> None:
    """Shows this page with another address."""
    st.button(
        label,
        icon=icon,
        type="tertiary",
        key=f"own page {sorted(query.items())}",
        on_click=st.query_params.from_dict,
        args=(dict(query),),
    )
