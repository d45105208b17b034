"""Entering the dashboard, whichever page a visitor asks for first.

On a fresh server Streamlit runs the first visitor's ``pages/`` file without ``app.py``. Every
page therefore begins with ``enter()``, which then runs the navigation itself; the page asked for
and its parameters stay as they are.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from assay.pages.components.sign_in import require_sign_in

_AUDIT_PAGES = {
    "overview": ("Overview", ":material/summarize:"),
    "assessability": ("Assessability", ":material/balance:"),
    "selection": ("Selection", ":material/playlist_add_check:"),
    "map": ("Map", ":material/scatter_plot:"),
    "transport": ("Transport", ":material/straighten:"),
    "class_balance": ("Class balance", ":material/stacked_bar_chart:"),
    "evidence": ("Evidence", ":material/plagiarism:"),
    "vocabulary": ("Vocabulary", ":material/dictionary:"),
    "membership": ("Membership", ":material/how_to_reg:"),
    "titration": ("Titration", ":material/science:"),
    "corpora": ("Public sets", ":material/library_books:"),
    "report": ("Report", ":material/description:"),
}
_MODEL_PAGES = {
    "topics": ("Topics", ":material/account_tree:"),
    "examples": ("Examples", ":material/quiz:"),
    "diff": ("Model diff", ":material/difference:"),
    "echo": ("Echo", ":material/hearing:"),
}
_STORE_PAGES = {
    "audits": ("Audits", ":material/folder_open:"),
    "new_audit": ("New job", ":material/add_circle:"),
    "suspects": ("Suspects", ":material/person_search:"),
    "experiments": ("Experiments", ":material/labs:"),
    "jobs": ("Jobs", ":material/pending_actions:"),
    "about": ("About the method", ":material/help:"),
}
_MARK = "_assay_navigation_run"
_LOGO = Path(__file__).resolve().parents[2] / "assets" / "logo.svg"


def run_app() -> None:
    """Build the navigation and run the page that the address names."""
    st.set_page_config(page_title="Assay", page_icon=str(_LOGO), layout="wide")
    st.logo(str(_LOGO), size="large")
    context = get_script_run_ctx()
    assert context is not None
    setattr(context, _MARK, True)
    require_sign_in()
    sections = {
        "Store": [
            *(_page(name, is_default=name == "audits") for name in _STORE_PAGES),
            # The default page answers at the root alone; this one answers to its name.
            st.Page(page_file("audits"), title="Audits", url_path="audits", visibility="hidden"),
            st.Page(page_file("new_audit"), url_path="new-audit", visibility="hidden"),
        ],
        "Audit": [_page(name) for name in _AUDIT_PAGES],
        "Model": [_page(name) for name in _MODEL_PAGES],
    }
    st.navigation(sections, expanded=True).run()


def enter() -> None:
    """First line of every page: make sure the navigation is there."""
    context = get_script_run_ctx()
    if context is not None and not getattr(context, _MARK, False):
        run_app()
        st.stop()


def page_file(name: str) -> str:
    """The path of a page, as links want it."""
    return f"pages/{name}.py"


def _page(name: str, is_default: bool = False) -> st.Page:
    title, icon = {**_STORE_PAGES, **_AUDIT_PAGES, **_MODEL_PAGES}[name]
    url_path = "" if is_default else name
    return st.Page(page_file(name), title=title, icon=icon, url_path=url_path, default=is_default)
