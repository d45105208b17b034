"""Entering the dashboard, whichever page a visitor asks for first.

On a fresh server Streamlit runs the first visitor's ``pages/`` file without ``app.py``. Every
page therefore begins with ``enter()``, which then runs the navigation itself; the page asked for
and its parameters stay as they are.

Streamlit's own list of pages stands above everything else in the sidebar and cannot carry an
audit from page to page. So it is hidden, and the sidebar is made here: which audit, then the
pages by question, each link naming the audit.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from assay.cache.files.database import kept_open
from assay.pages.components.address import restore_address
from assay.pages.components.asked_for import say_unknown_names
from assay.pages.components.audit.chooser import Choice, choose_audit
from assay.pages.components.browser import watch_browser
from assay.pages.components.page_table import FIRST, PAGES, PageEntry, Section
from assay.pages.components.sign_in import offer_sign_out, require_sign_in
from assay.pages.components.store.saved_views import offer_to_save
from assay.pages.components.store.search_link import offer_search

_MARK = "_assay_navigation_run"
_TITLE = "browser title"
_ASSETS = Path(__file__).resolve().parents[2] / "assets"
_LOGO = _ASSETS / "logo.svg"


def run_app() -> None:
    """Build the navigation and run the page that the address names."""
    # Each run names the page anew; until it knows its name, what stood there stays.
    title = st.session_state.get(_TITLE, "Assay")
    st.set_page_config(page_title=title, page_icon=str(_LOGO), layout="wide")
    st.logo(str(_LOGO), size="large")
    st.html(_ASSETS / "readable.css")
    context = get_script_run_ctx()
    assert context is not None
    setattr(context, _MARK, True)
    restore_address()
    pages = [_page(entry) for entry in PAGES.values() if entry.name != FIRST]
    first = st.Page(PAGES[FIRST].file, title=PAGES[FIRST].title, url_path="", default=True)
    # The default page answers at the root alone; this one answers to its name.
    named = st.Page(PAGES[FIRST].file, title=PAGES[FIRST].title, url_path=FIRST)
    page = st.navigation([first, named, *pages], position="hidden")
    # Only now: without a navigation of ours Streamlit shows one of its own.
    require_sign_in()
    entry = PAGES.get(page.url_path, PAGES[FIRST])
    with kept_open():
        with st.sidebar:
            choice = choose_audit(entry)
            offer_search(entry)
            _show_pages(entry, page, choice)
            offer_to_save(entry)
            offer_sign_out()
            watch_browser()
        about = choice.title if entry.needs_audit and choice else None
        title = " · ".join(one for one in (entry.title, about, "Assay") if one)
        st.session_state[_TITLE] = title
        st.set_page_config(page_title=title)
        say_unknown_names()
        page.run()


def enter() -> None:
    """First line of every page: make sure the navigation is there."""
    context = get_script_run_ctx()
    if context is not None and not getattr(context, _MARK, False):
        run_app()
        st.stop()


def page_file(name: str) -> str:
    """The path of a page, as links want it."""
    return PAGES[name].file


def _page(entry: PageEntry) -> st.Page:
    return st.Page(entry.file, title=entry.title, icon=entry.icon, url_path=entry.name)


def _show_pages(current: PageEntry, page: st.Page, choice: Choice | None) -> None:
    """The pages by question; only the group of the page looked at is open."""
    for section in Section:
        entries = [entry for entry in PAGES.values() if entry.section is section]
        is_current = current.section is section
        with st.expander(
            section, expanded=is_current, type="compact", key=f"pages {section} {is_current}"
        ):
            for entry in entries:
                about = {"audit": choice.audit_id} if entry.needs_audit and choice else None
                st.page_link(
                    page if entry is current else entry.file,  # the first page has two addresses
                    label=entry.title,
                    icon=entry.icon,
                    query_params=about,
                    width="stretch",
                )
