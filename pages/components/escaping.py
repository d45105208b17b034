"""Displays untrusted text exactly as it is, never as Markdown or HTML."""

from __future__ import annotations

import html
import re

from assay.core.findings.commands_in_text import set_commands

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^=@/])")
# Streamlit recognises addresses, arrows and the logo after it resolves escapes; only a character
# between their parts prevents that. The word joiner has no width.
_WORD_JOINER = "\u2060"
_RECOGNISED_LATE = re.compile(
    r"(?<=:)(?=//|streamlit:)|(?<=www)(?=\.)|(?<=@)(?=\S)|(?<=<)(?=[-=])|(?<=-)(?=[->])"
    r"|(?<=[>~])(?==)",
    re.IGNORECASE,
)


_MAX_NAME = 40
# What is tested and the number stay on one line.
_COMPARED = re.compile(r"\b([pq]) ([<=>≤≥]) (?=\d)")


def plotly_safe(text: str) -> str:
    """A short name that Plotly, which interprets some HTML, shows exactly."""
    short = text if len(text) <= _MAX_NAME else text[: _MAX_NAME - 1] + "…"
    return html.escape(" ".join(short.split()), quote=False)


def without_marks(text: str) -> str:
    """For what shows plain text alone: the backticks around code left out."""
    return text.replace("`", "")


def markdown_safe(text: str) -> str:
    """Text that Streamlit's Markdown shows exactly, on one line; commands of ours as code."""
    return set_commands(" ".join(text.split()), "`{}`".format, _escaped)


def _escaped(text: str) -> str:
    together = _COMPARED.sub("\\1\N{NO-BREAK SPACE}\\2\N{NO-BREAK SPACE}", text)
    return _SPECIAL.sub(r"\\\1", _RECOGNISED_LATE.sub(_WORD_JOINER, together))
