"""Marking one document or example: accept or reject it, tag it, write a note.

What people write is shown as plain text. Where the store is read-only it is shown and cannot be
changed; the functions that write refuse as well.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

import streamlit as st

from assay.cache.annotations.annotations import (
    Annotated,
    NoteChanged,
    change_tags,
    set_mark,
    set_note,
)
from assay.cache.store import Store
from assay.core.errors import AssayError
from assay.core.specs.annotations import MOST_TAGS, NOTE_LENGTH, Annotation, Mark
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.palette import Badge

_BUTTONS = (
    (Mark.ACCEPTED, "Accept", ":material/check:"),
    (Mark.REJECTED, "Reject", ":material/close:"),
)
_COLOURS: dict[Mark, Badge] = {Mark.ACCEPTED: "green", Mark.REJECTED: "red"}
# What went wrong with a change, until it is shown; and a note that was not saved because of it.
_PROBLEM, _UNSAVED = "problem with a change", "note that was not saved"


def show_annotation(about: Annotated, item: str, said: Annotation, used: Collection[str]) -> None:
    """What was said about an item, and the means to change it; ``used``: tags to choose from."""
    store = Store.default()
    if store.is_for_reading:
        _show(said)
        return
    at = f"{about.kind} {about.result_id} {item}"
    with st.container(key=f"annotation {at}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _mark_buttons(store, about, item, said.mark)
            _tag_box(store, about, item, said.tags, used, at)
        _note_box(store, about, item, said.note, at)
        _show_problem(at)


def _show(said: Annotation) -> None:
    if said.mark or said.tags:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if said.mark:
                st.badge(said.mark, color=_COLOURS[said.mark])
            for tag in said.tags:
                st.badge(markdown_safe(tag), color="gray")
    if said.note:
        st.caption("Note")
        st.text(said.note)


def _mark_buttons(store: Store, about: Annotated, item: str, mark: Mark | None) -> None:
    for choice, label, icon in _BUTTONS:
        is_taken = mark is choice
        st.button(
            f"{label}ed" if is_taken else label,
            key=f"{choice}-{item}",
            icon=icon,
            type="primary" if is_taken else "secondary",
            help="Undo" if is_taken else None,
            on_click=_try,
            args=(partial(set_mark, store, about, item, None if is_taken else choice), item),
        )


def _tag_box(
    store: Store,
    about: Annotated,
    item: str,
    tags: tuple[str, ...],
    used: Collection[str],
    at: str,
) -> None:
    # Tags that somebody else changes meanwhile make another box, which shows them.
    key = f"tags {at} {tags}"

    def change() -> None:
        chosen = st.session_state[key]
        added = [tag for tag in chosen if tag not in tags]
        removed = [tag for tag in tags if tag not in chosen]
        _try(partial(change_tags, store, about, item, added, removed), item)

    st.multiselect(
        "Tags",
        sorted({*used, *tags}),
        default=list(tags),
        key=key,
        max_selections=MOST_TAGS,
        accept_new_options=True,
        placeholder="Add tags",
        label_visibility="collapsed",
        on_change=change,
    )


def _note_box(store: Store, about: Annotated, item: str, note: str, at: str) -> None:
    key = f"note {at} {hash(note)}"

    def change() -> None:
        typed = st.session_state[key] or ""
        _try(partial(set_note, store, about, item, typed, note), item, typed)

    st.text_area(
        "Note",
        note,
        key=key,
        height=80,
        max_chars=NOTE_LENGTH,
        placeholder="Note, as plain text. It is saved when you leave the field.",
        label_visibility="collapsed",
        on_change=change,
    )


def _try(change: Callable[[], None], item: str, typed: str = "") -> None:
    """Make a change; what prevents it is shown beside the item."""
    try:
        Store.default().require_writing()  # it may have become read-only since the page was shown
        change()
    except NoteChanged as changed:
        st.session_state[_PROBLEM], st.session_state[_UNSAVED] = (item, str(changed)), typed
    except AssayError as error:
        st.session_state[_PROBLEM] = (item, str(error))


def _show_problem(at: str) -> None:
    item, problem = st.session_state.get(_PROBLEM, ("", ""))
    if not problem or not at.endswith(f" {item}"):
        return
    del st.session_state[_PROBLEM]
    st.warning(markdown_safe(problem), icon=":material/sync_problem:")
    unsaved = st.session_state.pop(_UNSAVED, "")
    if unsaved:
        st.caption("Your note, to copy:")
        st.code(unsaved, language=None, wrap_lines=True)
