"""Deleting a result from the store: a button that asks for its name first."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from assay.cache.store import Store
from assay.pages.components.escaping import markdown_safe


def deletable(
    what: str,
    name: str,
    title: str,
    consequence: str,
    delete: Callable[[], None],
    *,
    named_by: str | None = None,
    row: str | None = None,
    more: Callable[[], None] = lambda: None,
) -> None:
    """A button that deletes a result once its ``name`` is typed; none if the store is read-only.

    ``named_by``: the address' parameter that names the result; it is removed. ``row``: the button's
    key in a list, where the row says what it deletes. ``more``: shows what else is asked.
    """

    if Store.default().is_for_reading:
        return

    def confirm() -> None:
        st.write(f"**{markdown_safe(title)}**")
        st.write(consequence)
        more()
        st.caption("To delete it, type its name:")
        st.code(name, language=None)
        is_sure = st.text_input("Name", key=f"name of {name}").strip() == name
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
