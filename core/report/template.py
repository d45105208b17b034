"""Fills the templates of reports, sites and presentations.

Whatever stands in a value is text: every value is escaped, and no folder of this machine is shown.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from assay.core.findings.commands_in_text import set_commands
from assay.core.findings.named_facts import fact_name, fact_value
from assay.core.report.shown_names import DocumentText, without_folders

_FOLDER = Path(__file__).parent


def filled(template: str, **values: Any) -> str:
    """The template's text with values in place."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"fact_name": fact_name, "fact_value": fact_value}
    environment.filters["css"] = _in_css
    environment.filters["with_commands"] = _with_commands
    return environment.get_template(template).render(**values)


def script_of(name: str) -> dict[str, Markup]:
    """A script to write into a page, and the only source of scripts its policy then allows."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"text": Markup(text), "source": Markup(f"'sha256-{digest}'")}


def _shown(value: Any) -> Any:
    if not isinstance(value, str) or isinstance(value, Markup | DocumentText):
        return value
    return value if value.startswith("data:image/") else without_folders(value)


def _with_commands(sentence: str) -> Markup:
    """Text as HTML, the commands it names as code."""
    shown = without_folders(sentence)
    code = "<code>{}</code>".format
    return Markup(set_commands(shown, code, lambda text: str(escape(text))))


def _in_css(text: str) -> Markup:
    """A text as a string of a stylesheet: everything but plain letters is escaped."""
    plain = without_folders(text)
    letters = (one if one.isalnum() and one.isascii() else f"\\{ord(one):x} " for one in plain)
    return Markup('"' + "".join(letters) + '"')
