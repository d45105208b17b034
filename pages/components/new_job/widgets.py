"""One widget for each option that a spec declares, with what is wrong with it right below."""

from __future__ import annotations

from typing import Any

import streamlit as st

from assay.core.findings.formatting import capitalized
from assay.core.specs.options import CommandOption, Names
from assay.pages.components.escaping import markdown_safe, without_marks
from assay.pages.components.new_job.form_state import Form, as_list
from assay.pages.components.new_job.offers import offers, takes_more, titles

_LONG = 500
_LINES_HEIGHT = 68  # of two lines, the least
# What of an option's name keeps its hyphens, or is written in capitals.
_WRITTEN = {"held out": "held-out", "out of domain": "out-of-domain", "pdf": "PDF"}


def option_widget(form: Form, one: CommandOption, error: str | None) -> None:
    """The option's widget; ``error``: what is wrong with its value."""
    common: dict[str, Any] = {
        "label": capitalized(called(one)) + (" *" if one.is_required else ""),
        "key": form.key(one.name),
        "help": f"{markdown_safe(one.declared.help)}\n\n`{_flag(one)}`",
    }
    unset = without_marks(f"default: {one.declared.unset}") if one.declared.unset else None
    names = one.declared.names
    if names and names not in (Names.NEW_FILE, Names.NAMED_MODEL):
        _choice_of_names(form, one, names, common)
    elif one.choices:
        if one.is_repeated:
            st.multiselect(options=one.choices, placeholder=unset or "", **common)
        elif one.default is None:
            st.selectbox(options=one.choices, index=None, placeholder=unset or "", **common)
        else:
            st.selectbox(options=one.choices, **common)
    elif one.kind is bool:
        st.checkbox(**common)
    elif one.kind in (int, float) and not one.is_repeated:
        _number(one, common, unset)
    else:
        hint = "values with commas between them" if one.is_repeated else _hint(one)
        field = st.text_area if one.declared.has_lines else st.text_input
        size: dict[str, Any] = {"height": _LINES_HEIGHT} if one.declared.has_lines else {}
        field(placeholder=unset or hint, max_chars=_LONG, **size, **common)
    if error:
        st.markdown(f":red[:material/error: {markdown_safe(error)}]")


def called(one: CommandOption) -> str:
    """The option's name as a sentence has it."""
    words = one.key.replace("-", " ")
    for plain, written in _WRITTEN.items():
        words = words.replace(plain, written)
    return words


def _hint(one: CommandOption) -> str:
    return without_marks(one.declared.help) if one.declared.names is Names.NEW_FILE else ""


def _flag(one: CommandOption) -> str:
    return one.key if one.declared.is_argument else one.flag


def _choice_of_names(form: Form, one: CommandOption, names: Names, common: dict[str, Any]) -> None:
    roots, store = form.checker.roots, form.checker.store
    held = form.raw(one.name)
    options = list(dict.fromkeys([*offers(names, roots, store), *as_list(held)]))
    shown_as = titles(names, store)
    more: dict[str, Any] = {
        "accept_new_options": takes_more(names),
        "format_func": lambda name: shown_as.get(name, name),
    }
    placeholder = _PLACEHOLDERS.get(names, "choose one" if options else "there is none yet")
    if one.is_repeated:
        st.multiselect(options=options, placeholder=placeholder, **more, **common)
    else:
        st.selectbox(options=options, index=None, placeholder=placeholder, **more, **common)


_PLACEHOLDERS = {
    Names.MODEL: "a folder, hub name or builtin:NAME",
    Names.SPEAKER: "a folder, hub name, builtin:NAME or server address",
    Names.DOCUMENTS: "a file, folder, pattern or hub data set",
    Names.CORPUS: "a file, folder, pattern, hub data set or decompression",
    Names.DATA_FOLDER: "a folder",
}


def _number(one: CommandOption, common: dict[str, Any], unset: str | None) -> None:
    least = one.declared.minimum
    if one.kind is int:
        st.number_input(
            value=None,
            min_value=None if least is None else int(least),
            step=1,
            placeholder=unset or "",
            **common,
        )
    else:
        st.number_input(
            value=None,
            min_value=None if least is None else float(least),
            format="%g",
            step=None,
            placeholder=unset or "",
            **common,
        )
