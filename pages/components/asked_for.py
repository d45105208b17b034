"""What an address asks for and a page does not have."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from assay.core.findings.formatting import listed
from assay.pages.components.escaping import markdown_safe

_LONGEST = 60


def say_unknown(key: str, label: str, known: Iterable[str]) -> None:
    """Say so if the address gives ``key`` a value that is not among the ``known`` ones.

    Called before the choice that has this key: Streamlit drops such a value without a word. An
    empty value is a choice that was cleared.
    """
    offered = set(known)
    unknown = [one[:_LONGEST] for one in st.query_params.get_all(key) if one and one not in offered]
    _say_ignored(label, unknown)


def say_out_of_range(key: str, label: str, low: int, high: int) -> None:
    """Say so if the address gives ``key`` something else than a whole number in [low, high]."""
    asked = st.query_params.get(key, "")
    is_number = asked.isdecimal() and len(asked) <= len(str(high))
    if asked and not (is_number and low <= int(asked) <= high):
        _say_ignored(f"{label} ({low:,} to {high:,})", [asked[:_LONGEST]])


def _say_ignored(label: str, values: list[str]) -> None:
    if values:
        named = listed([f"“{one}”" for one in values])
        st.warning(
            markdown_safe(
                f"{label}: this page has no {named}, which its address asks for, and ignores it."
            ),
            icon=":material/link_off:",
        )
