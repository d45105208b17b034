"""Deleting a result from the store: a button that asks first."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from assay.cache.store import Store
from assay.pages.components.escaping import markdown_safe


def deletable(
    what: str,
    title: str,
    consequence: str,
    delete: Callable[[], None],
    *,
    named_by: str | None = None,
    row: str | None = None,
    typed: str | None = None,
    more: Callable[[], None] = lambda: None,
) -> None:
    """A button that deletes a result after confirmation; none if the store is read-only.

    ``named_by``: the address' parameter that names the result; it is removed. ``row``: the button's
    key in a list, where the row says what it deletes. ``typed``: the name
    that must be typed first, for what takes long to make again. ``more``: shows what else is asked.
    """

    if Store.default().is_for_reading:
        return

    def confirm() -> None:
        st.write(f"**{markdown_safe(title)}**")
        st.write(consequence)
        more()
        is_sure = True
        if typed is not None:
            st.caption("To delete it, type its name:")
            st.code(typed, language=None)
            is_sure = st.text_input("Name", key=f"name of {typed}").strip() == typed
        if st.button(
            "Delete",
            disabled=not is_sure,
            type="primary",
            icon=":material/delete:",
            on_click=_delete,
            args=(delete, named_by),
        ):
            st.rerun()

    label = "Delete" if row else f"Delete this {what}"
    if st.button(label, key=row, icon=":material/delete:", type="tertiary"):
        st.dialog(f"Delete this {what}?")(confirm)()


def _delete(delete: Callable[[], None], named_by: str | None) -> None:
    Store.default().require_writing()
    delete()
    if named_by:
        st.query_params.pop(named_by, None)
