"""Forms that survive a reload of the browser's page.

A reload begins another session, which knows nothing of the one before. So the tab keeps what the
forms hold (its ``sessionStorage``) and gives it back. No link can fill that in, and what comes back
is checked like what a visitor types.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from assay.core.specs.options import CommandOption
from assay.pages.components.new_job.compute import fits_compute
from assay.pages.components.new_job.form_state import COMPUTE, kept_forms, shown
from assay.pages.components.new_job.kinds import KINDS

_KEY = "new job: draft"
_IS_LOOKED_FOR = "new job: is draft looked for"
_NEWER = "new job: newer than the draft"
_MOST_CHARACTERS = 200_000


def keep_draft() -> None:
    """Let the tab keep what all forms hold; in a session that just began, ask for it first."""
    is_looked_for = st.session_state.get(_IS_LOOKED_FOR, False)
    owner = str(st.user.get("email") or "")  # two people may sign in in the same tab
    _component()(
        key=_KEY,
        data={"owner": owner, "values": kept_forms() if is_looked_for else None},
        on_found_change=_restore,
    )


def forget_draft_of(*forms: str) -> None:
    """Let what these forms hold now stand, whatever the tab still has of them."""
    st.session_state.setdefault(_NEWER, set()).update(forms)


def _restore() -> None:
    """Put what the tab had into the forms, before they are drawn."""
    st.session_state[_IS_LOOKED_FOR] = True
    newer = st.session_state.get(_NEWER, set())
    for name, values in read_draft(st.session_state[_KEY].found).items():
        if name in newer:
            continue
        kept_forms().setdefault(name, {}).update(values)
        for key in values:
            # A field takes what is kept where the session has nothing.
            st.session_state.pop(key, None)
            st.session_state.pop(f"new {name}: {key}", None)
    _say_again()


def _say_again() -> None:
    """Send the fields their values once more.

    Streamlit sends the value of a new field once. A field whose script the browser still loads
    while the page runs for the second time would never get it, and would then report that it is
    empty.
    """
    for name, values in kept_forms().items():
        for key in values:
            for own in (key, f"new {name}: {key}"):
                if own in st.session_state:
                    st.session_state[own] = st.session_state[own]


def read_draft(text: str | None) -> dict[str, dict[str, Any]]:
    """What of a draft fits the forms, by form; nothing of one that nobody here wrote."""
    try:
        found = json.loads(text or "{}") if len(text or "") <= _MOST_CHARACTERS else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    forms = {name: held for name, held in found.items() if isinstance(held, dict)}
    draft = {
        name: {key: _as_held(name, key, one) for key, one in held.items() if _fits(name, key, one)}
        for name, held in forms.items()
        if name in KINDS
    }
    where = forms.get(COMPUTE, {})
    return {**draft, COMPUTE: {key: one for key, one in where.items() if fits_compute(key, one)}}


def _fits(kind: str, key: str, value: Any) -> bool:
    options = {one.name: one for one in KINDS[kind].command.options}
    if key in options:
        return _may_hold(options[key], value)
    return key.startswith(f"new {kind}: ") and isinstance(value, str)  # a column


def _as_held(kind: str, key: str, value: Any) -> Any:
    """A whole number as its field has it: a browser writes 1.0 as 1."""
    of_numbers = {one.name for one in KINDS[kind].command.options if one.kind is float}
    return float(value) if key in of_numbers and isinstance(value, int) else value


def _may_hold(one: CommandOption, value: Any) -> bool:
    """Whether the option's widget may hold the value."""
    usual = shown(one, one.default)
    if value is None:
        return usual is None
    if isinstance(usual, list):
        return isinstance(value, list) and all(_is_text(one, part) for part in value)
    if one.kind is bool:
        return isinstance(value, bool)
    if one.kind in (int, float) and not one.is_repeated:
        least = one.declared.minimum
        is_number = isinstance(value, int if one.kind is int else int | float)
        return is_number and not isinstance(value, bool) and (least is None or value >= least)
    return _is_text(one, value)


def _is_text(one: CommandOption, value: Any) -> bool:
    return isinstance(value, str) and (not one.choices or value in one.choices)


@cache
def _component() -> Callable[..., Any]:
    js = Path(__file__).with_name("draft.js").read_text(encoding="utf-8")
    return st.components.v2.component("assay_draft", js=js)
