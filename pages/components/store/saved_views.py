"""Saved views: keep the address of a page with its settings, open it again, rename or delete it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from assay.cache.annotations.saved_views import delete_view, list_views, rename_view, save_view
from assay.cache.store import Store
from assay.core.errors import AssayError
from assay.core.specs.annotations import NAME_LENGTH, SavedView
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.page_table import PAGES, PageEntry

_NAME, _PROBLEM, _SAVED = "name of the view", "problem with a view", "view that was saved"


def offer_to_save(page: PageEntry) -> None:
    """A small form at the end of the sidebar that keeps this page as it is now."""
    if Store.default().is_for_reading or page.name == "search":
        return
    with st.popover("Save this view", icon=":material/bookmark_add:", type="tertiary"):
        st.text_input("Name", key=_NAME, max_chars=NAME_LENGTH, placeholder=page.title)
        st.button("Save", type="primary", on_click=_save, args=(page,))
        _show_problem()
        if st.session_state.pop(_SAVED, None):
            st.caption("Saved. The page Search lists all saved views.")


def show_views() -> None:
    """All saved views, each with what can be done."""
    store = Store.default()
    views = [view for view in list_views(store) if view.page in PAGES]
    st.subheader("Saved views", anchor=False)
    if not views:
        how = "“Save this view” in the sidebar keeps a page with its settings."
        st.caption("None yet." if store.is_for_reading else f"None yet. {how}")
        return
    _show_problem()
    for view in views:
        with st.container(horizontal=True, vertical_alignment="center"):
            _link(view)
            if not store.is_for_reading:
                _show_actions(store, view)


def _link(view: SavedView) -> None:
    entry = PAGES[view.page]
    about = dict(view.query).get("audit")
    st.page_link(
        entry.file,
        label=markdown_safe(view.name),
        icon=entry.icon,
        help=markdown_safe(f"{entry.title}, {about}" if about else entry.title),
        query_params=view.query,
        width="stretch",
    )


def _show_actions(store: Store, view: SavedView) -> None:
    with st.popover("Rename", icon=":material/edit:", type="tertiary", key=f"rename {view.name}"):
        key = f"new name of {view.name}"
        st.text_input("New name", view.name, key=key, max_chars=NAME_LENGTH)
        st.button(
            "Rename",
            key=f"confirm {view.name}",
            type="primary",
            on_click=_rename,
            args=(store, view.name, key),
        )
    st.button(
        "Delete",
        key=f"delete view {view.name}",
        icon=":material/delete:",
        type="tertiary",
        on_click=_try,
        args=(partial(delete_view, store, view.name),),
    )


def _save(page: PageEntry) -> None:
    """What the browser's address holds now; the audit is always part of it."""
    name = st.session_state[_NAME] or page.title
    asked = [(key, one) for key in st.query_params for one in st.query_params.get_all(key)]

    def save() -> None:
        view = SavedView.checked(name, page.name, urlencode(asked))
        save_view(Store.default(), view)
        st.session_state[_NAME], st.session_state[_SAVED] = "", view.name

    _try(save)


def _rename(store: Store, name: str, key: str) -> None:
    _try(partial(rename_view, store, name, st.session_state[key] or ""))


def _try(change: Callable[[], None]) -> None:
    try:
        Store.default().require_writing()
        change()
    except AssayError as error:
        st.session_state[_PROBLEM] = str(error)


def _show_problem() -> None:
    problem = st.session_state.pop(_PROBLEM, "")
    if problem:
        st.warning(markdown_safe(problem), icon=":material/error:")
