"""Untrusted text on its way to the screen: shown as it is, never as Markdown or HTML."""

from __future__ import annotations

import html
import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^=@/])")


def markdown_safe(text: str) -> str:
    """Text that Streamlit's Markdown shows letter by letter, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def plotly_safe(text: str) -> str:
    """Text that Plotly's little HTML shows letter by letter."""
    return html.escape(text)
