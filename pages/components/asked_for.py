"""What an address asks for: options by their id or by the name that is shown, and what a page does
not have, which is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from assay.core.findings.formatting import listed
from assay.pages.components.address import NAMES
from assay.pages.components.escaping import markdown_safe

_LONGEST = 60
_SWITCH = ("true", "false")


def accept_choice(
    key: str, label: str, options: Iterable[Any], shown: Callable[[Any], str] = str
) -> None:
    """Read what the address gives ``key``: an option's id (`select`) or the name that is ``shown``
    (`SELECT`). Say so if it is neither.

    Called before the choice that has this key: Streamlit knows the shown names alone and drops
    everything else without a word. An empty value is a choice that was cleared.
    """
    names = _shown_names(options, shown)
    asked = st.query_params.get_all(key)
    meant = [names.get(one, one) for one in asked]
    if meant != asked:
        _read_as(key, meant)
    _say_ignored(label, [one for one in asked if one and one not in names])


def asked_option(
    key: str, label: str, options: Iterable[str], shown: Callable[[str], str]
) -> str | None:
    """The option that the address names, by its id or as it is ``shown``, for a choice that is not
    bound to the address. None if it names none; says so if it names one that there is not."""
    by_name = {shown(one): one for one in options}
    by_name |= {one: one for one in options}
    asked = st.query_params.get(key, "")
    _say_ignored(label, [asked] if asked and asked not in by_name else [])
    return by_name.get(asked)


def accept_number(key: str, label: str, low: int, high: int) -> None:
    """Say so if the address gives ``key`` something else than a whole number in [low, high].

    Not of a number that the visitor chose here before there were fewer to choose from.
    """
    asked = st.query_params.get(key, "")
    is_number = asked.isascii() and asked.isdecimal() and len(asked) <= len(str(high))
    if not asked or (is_number and low <= int(asked) <= high):
        return
    if asked != str(st.session_state.get(key)):
        _say_ignored(label, [asked], f"{low:,} to {high:,}")


def accept_switch(key: str, label: str) -> None:
    """Say so if the address gives ``key`` something else than `true` or `false`."""
    asked = st.query_params.get(key, "")
    if asked.lower() not in ("", *_SWITCH):
        _say_ignored(label, [asked], " or ".join(_SWITCH))


def say_not_offered(key: str, label: str) -> None:
    """Say so if the address gives ``key``, which this page has no choice for now."""
    accept_choice(key, label, ())


def in_force(key: str, options: Iterable[Any], shown: Callable[[Any], str] = str) -> list[str]:
    """The options of a choice, as they are shown, that the session has or, before it has any, the
    address asks for."""
    names = _shown_names(options, shown)
    values: Any = st.session_state.get(key, st.query_params.get_all(key))
    each = values if isinstance(values, list | tuple) else [values]
    return [names[str(one)] for one in each if str(one) in names]


def _shown_names(options: Iterable[Any], shown: Callable[[Any], str]) -> dict[str, str]:
    """What is shown of each option, by its id and by itself; one's shown name comes before
    another's id."""
    names = {str(one): shown(one) for one in options}
    return names | {name: name for name in names.values()}


def _read_as(key: str, values: list[str]) -> None:
    """Let the choice that is made next find these values in the address."""
    context = get_script_run_ctx()
    if context is None:
        return
    with context.session_state.query_params() as held:
        given = {one: held.get_initial_value(one) or "" for one in st.query_params}
        held.set_initial_query_params(urlencode({**given, key: values}, doseq=True))


def say_unknown_names() -> None:
    """Say so if the address holds a name that no page reads."""
    unknown = [name for name in st.query_params if name not in NAMES]
    near = [one for name in unknown for one in get_close_matches(name, NAMES, 1)]
    if unknown:
        meant = f" Did you mean {_quoted(dict.fromkeys(near))}?" if near else ""
        _warn(f"No page knows {_quoted(unknown)}, which this address asks for.{meant}")


def _say_ignored(label: str, values: list[str], allowed: str = "") -> None:
    if values:
        more = f" It takes {allowed}." if allowed else ""
        _warn(
            f"{label}: this page has no {_quoted(values)}, which its address asks for, and ignores "
            f"it.{more}"
        )


def _quoted(values: Iterable[str]) -> str:
    return listed([f"“{one[:_LONGEST]}”" for one in values])


def _warn(sentence: str) -> None:
    st.warning(markdown_safe(sentence), icon=":material/link_off:")
