"""What an address asks for and a page does not have."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from assay.core.findings.formatting import listed
from assay.pages.components.escaping import markdown_safe

_LONGEST = 60


def say_unknown(key: str, label: str, known: Iterable[str]) -> None:
    """Say so if the address gives ``key`` a value that is not among the ``known`` ones.

    Called before the choice that has this key: Streamlit drops such a value without a word.
    """
    offered = set(known)
    unknown = [one[:_LONGEST] for one in st.query_params.get_all(key) if one not in offered]
    if unknown:
        named = listed([f"“{one}”" for one in unknown])
        st.warning(
            markdown_safe(
                f"{label}: this page has no {named}, which its address asks for. It shows what it "
                "usually begins with."
            ),
            icon=":material/link_off:",
        )
