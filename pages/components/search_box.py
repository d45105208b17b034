"""A box to search by, kept in the address."""

from __future__ import annotations

from streamlit.delta_generator import DeltaGenerator


def search_box(place: DeltaGenerator, label: str, example: str) -> str:
    """What was typed; "" for everything. ``example``: what can be searched for."""
    typed = place.text_input(
        label, key="search", bind="query-params", placeholder=example, type="search"
    )
    return typed or ""
