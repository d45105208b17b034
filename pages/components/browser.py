"""What a page needs of the browser itself: see browser.js."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


def watch_browser() -> None:
    """Draw the page anew in another theme, and let Back lead to what was seen before."""
    _component()(key="browser", on_theme_change=_nothing, height=0)


@cache
def _component() -> Callable[..., Any]:
    js = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return st.components.v2.component("assay_browser", js=js)


def _nothing() -> None:
    """That it was called is enough: the page runs again."""
