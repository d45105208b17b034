"""Questions to the hub, which only a press of a button asks."""

from __future__ import annotations

import streamlit as st


def ask_button(label: str, asked: str, about: str, icon: str, key: str = "") -> None:
    """A button that sets ``asked`` in the session; ``key`` tells two buttons of one question
    apart."""
    st.button(
        label,
        key=f"{asked} button {key}".rstrip(),
        icon=icon,
        help=about,
        on_click=st.session_state.__setitem__,
        args=(asked, True),
    )
