"""Documents that a form names: their first rows as plain text, columns to choose, what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.decompressions.read import read_decompression
from assay.cache.files.database import UnreadableFile
from assay.core.data.hub_preview import preview_hub
from assay.core.data.preview import Preview, preview_files
from assay.core.errors import InputError
from assay.core.specs.data import DECOMPRESSION, DataRef, Task
from assay.core.specs.options import CommandOption
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.new_job.asking import ask_button
from assay.pages.components.new_job.form_state import OF_DOCUMENTS, Form, as_list

# What the built-in sets hold; reading them to count takes seconds.
_BUILT_IN = {"builtin:docs": 30_000, "builtin:stdlib": 4_000}


@dataclass(frozen=True)
class Sets:
    """Sets of documents. ``n_rows``: that they hold together, and ``most_rows``: that they cannot
    exceed; None where a look does not tell. ``is_unusable``: a job could not read one of them."""

    n_rows: int | None = None
    most_rows: int | None = None
    is_unusable: bool = False


def show_documents(form: Form, one: CommandOption, is_labelled: bool) -> Sets:
    """The sets that an option names: preview and columns of each, and what a job would refuse."""
    sets = [_show_set(form, one, place, is_labelled) for place in as_list(form.raw(one.name))]
    return Sets(
        _sum([one.n_rows for one in sets]),
        _sum([one.most_rows for one in sets]),
        any(one.is_unusable for one in sets),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [n for n in counts if n is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _show_set(form: Form, one: CommandOption, place: str, is_labelled: bool) -> Sets:
    if place.startswith(DECOMPRESSION):
        return Sets(_n_examples(form, place))
    try:
        ref = form.with_columns(one, place)
    except InputError:
        return Sets()  # the option itself says what is wrong
    try:
        found = _look(ref)
    except InputError as error:
        return _refused(place, str(error))
    if isinstance(found, int):
        return Sets(found)
    is_on_the_hub = found is None
    if found is None:
        found = _looked_at_on_the_hub(form, one, place, ref, is_labelled)
    if found is None:
        return Sets()
    if not found.rows:
        return _refused(place, "it holds no documents")
    missing = [
        name
        for name in _wanted(ref, form, is_labelled)
        if not found.are_texts and name not in found.columns
    ]
    title = f"{markdown_safe(place)} — {'on the hub, ' if is_on_the_hub else ''}{_size(found)}"
    is_open = is_on_the_hub or bool(missing) or any(_chosen_columns(form, one, place))
    with st.expander(title, expanded=is_open):
        st.dataframe(pd.DataFrame(found.rows), hide_index=True, height="content")
        if not found.are_texts:
            _columns(form, one, place, found, is_labelled)
    for name in missing:
        _say(f"{place} has no column {name!r}: choose one.")
    return Sets(found.n_rows, found.n_rows if found.is_most else None, bool(missing))


def _refused(place: str, why: str) -> Sets:
    _say(f"{place}: {why}")
    return Sets(is_unusable=True)


def _say(sentence: str) -> None:
    st.markdown(f":red[:material/error: {markdown_safe(sentence)}]")


def _n_examples(form: Form, place: str) -> int | None:
    """What a decompression holds; None where it cannot be read, as the option itself says."""
    try:
        name = form.checker.corpus(place).removeprefix(DECOMPRESSION)
        path = form.checker.store.decompressions / f"{name}.duckdb"
        return read_decompression(path).counts.n_examples
    except (InputError, UnreadableFile, OSError):
        return None


def _chosen_columns(form: Form, one: CommandOption, place: str) -> list[object]:
    return [
        st.session_state.get(form.columns_key(one.name, place, which))
        for which in ("text", "label")
    ]


def _wanted(ref: DataRef, form: Form, is_labelled: bool) -> list[str]:
    """The columns that will be read, by what is chosen for the set, else for all sets."""
    has_labels = is_labelled and form.raw("task") == Task.CLASSIFICATION
    named = (ref.text_column, ref.label_column if has_labels else None, ref.prompt_column)
    return [one for one in named if one]


def _look(ref: DataRef) -> Preview | int | None:
    """The first rows; the number of built-in documents; None for a set on the hub."""
    if ref.location in _BUILT_IN:
        return _BUILT_IN[ref.location]
    location, _, split = ref.location.partition("#")
    if not location.startswith("/"):
        return None
    stamp = Path(location).stat().st_mtime if Path(location).exists() else 0.0
    return _preview(location, split or None, stamp)


@st.cache_data(max_entries=64, ttl="60s", show_spinner=False)
def _preview(location: str, split: str | None, stamp: float) -> Preview:
    return preview_files(location, split)


def _looked_at_on_the_hub(
    form: Form, one: CommandOption, place: str, ref: DataRef, is_labelled: bool
) -> Preview | None:
    """The first rows of a set on the hub once somebody asked for them; until then, and where they
    cannot be read, its columns are typed. Nothing is fetched unasked."""
    location, _, split = ref.location.partition("#")
    asked = form.key(f"preview {location} {split}")
    problem = ""
    if st.session_state.get(asked):
        try:
            return _hub_preview(location, split or None)
        except InputError as error:
            problem, st.session_state[asked] = str(error), False
    with st.expander(f"{markdown_safe(place)} — on the hub", expanded=bool(problem)):
        if problem:
            st.warning(markdown_safe(problem), icon=":material/cloud_off:")
        ask_button(
            "Preview",
            asked,
            "Reads the first rows from the hub, which needs a network. Otherwise the set is read "
            "when the job starts.",
            ":material/visibility:",
        )
        _columns_by_hand(form, one, place, is_labelled)
    return None


@st.cache_data(max_entries=32, ttl="10m", show_spinner="Reading the first rows from the hub …")
def _hub_preview(location: str, split: str | None) -> Preview:
    return preview_hub(location, split)


def _size(found: Preview) -> str:
    if found.n_rows is None:
        rows = "rows not counted"
    else:
        rows = f"{'' if found.is_exact else 'about '}{found.n_rows:,} rows"
    return rows if found.n_files == 1 else f"{rows} in {found.n_files:,} files"


def _columns(form: Form, one: CommandOption, place: str, found: Preview, is_labelled: bool) -> None:
    with st.container(horizontal=True):
        for which in ("text", *(["label"] if is_labelled else [])):
            key = form.columns_key(one.name, place, which)
            if st.session_state.get(key) not in (None, *found.columns):
                del st.session_state[key]  # the file has changed since
            st.selectbox(
                f"Column with the {which}",
                found.columns,
                index=None,
                placeholder=f"default: {form.raw(f'{which}_column') or which}",
                key=key,
                format_func=lambda name: name[:80],
                width=260,
            )


def _columns_by_hand(form: Form, one: CommandOption, place: str, is_labelled: bool) -> None:
    for which in ("text", *(["label"] if is_labelled else [])):
        st.text_input(
            f"Column with the {which}",
            placeholder=f"default: {form.raw(f'{which}_column') or which}",
            key=form.columns_key(one.name, place, which),
        )


def is_of_documents(one: CommandOption) -> bool:
    """Whether an option names documents."""
    return one.declared.names in OF_DOCUMENTS
