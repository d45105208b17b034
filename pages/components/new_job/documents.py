"""Documents that a form names: their first rows as plain text, columns to choose, uploads."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.store import Store
from assay.core.data.formats import is_supported, supported_formats
from assay.core.data.hub_preview import preview_hub
from assay.core.data.preview import Preview, preview_files
from assay.core.errors import InputError
from assay.core.specs.data import DataRef, Task
from assay.core.specs.options import CommandOption
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.new_job.asking import ask_button
from assay.pages.components.new_job.form_state import OF_DOCUMENTS, Form, as_list

_UPLOAD_MB = 100
_ALL_UPLOADS_BYTES = 2_000_000_000
_ENDINGS = ["parquet", "jsonl", "ndjson", "json", "csv", "tsv", "gz", "zst"]
# What the built-in sets hold; reading them to count takes seconds.
_BUILT_IN = {"builtin:docs": 30_000, "builtin:stdlib": 4_000}


def show_documents(form: Form, one: CommandOption, is_labelled: bool) -> int | None:
    """The sets that an option names: preview and columns of each. How many documents they hold
    together; None where a look does not tell."""
    counts = [_show_set(form, one, place, is_labelled) for place in as_list(form.raw(one.name))]
    known = [n for n in counts if n is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _show_set(form: Form, one: CommandOption, place: str, is_labelled: bool) -> int | None:
    try:
        ref = form.with_columns(one, place)
        found = _look(ref)
    except InputError:
        return None  # the option itself says what is wrong
    if isinstance(found, int):
        return found
    is_on_the_hub = found is None
    if found is None:
        found = _looked_at_on_the_hub(form, one, place, ref, is_labelled)
    if found is None:
        return None
    title = f"{markdown_safe(place)} — {'on the hub, ' if is_on_the_hub else ''}{_size(found)}"
    with st.expander(title, expanded=is_on_the_hub):
        st.dataframe(pd.DataFrame(found.rows), hide_index=True, height="content")
        if not found.are_texts:
            _columns(form, one, place, found, is_labelled)
    missing = [
        name
        for name in _wanted(ref, form, is_labelled)
        if not found.are_texts and name not in found.columns
    ]
    for name in missing:
        sentence = markdown_safe(f"{place} has no column {name!r}: choose one.")
        st.markdown(f":red[:material/error: {sentence}]")
    return found.n_rows


def _wanted(ref: DataRef, form: Form, is_labelled: bool) -> list[str]:
    """The columns that will be read, by what is chosen for the set, else for all sets."""
    text = ref.text_column if ref.text_column != "text" else form.raw("text_column") or "text"
    label = ref.label_column if ref.label_column != "label" else form.raw("label_column")
    has_labels = is_labelled and form.raw("task") == Task.CLASSIFICATION
    return [text, *([label or "label"] if has_labels else [])]


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


def show_upload(store: Store) -> None:
    """A place to upload data files; each is kept in the store and offered in the form."""
    with st.expander("Upload a data file", icon=":material/upload:"):
        given = st.file_uploader(
            f"{supported_formats()}, at most {_UPLOAD_MB} MB",
            type=_ENDINGS,
            max_upload_size=_UPLOAD_MB,
            key="new job: upload",
        )
        if given is None:
            return
        try:
            kept = keep_upload(store, given.name, given.getvalue())
        except InputError as error:
            st.error(markdown_safe(str(error)))
            return
        st.write(f"Kept. Choose **{markdown_safe(str(kept.relative_to(store.root)))}** above.")


def keep_upload(store: Store, name: str, content: bytes) -> Path:
    """Keep an uploaded file under a name that its contents make its own.

    InputError for one that is too large, of another kind, or if there are too many.
    """
    store.require_writing()
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name.replace("\\", "/")).name).lstrip(".-")[-80:]
    if not is_supported(Path(plain)):
        raise InputError(f"a data file ({supported_formats()})", repr(name[:80]), "convert it")
    if len(content) > _UPLOAD_MB * 1_000_000 * 1.05:
        raise InputError(
            f"a file of at most {_UPLOAD_MB} MB",
            f"{len(content) / 1e6:,.0f} MB",
            "put it into a folder of --roots and name it",
        )
    folder = store.data / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    taken = sum(file.stat().st_size for file in folder.iterdir())
    if taken + len(content) > _ALL_UPLOADS_BYTES:
        raise InputError(
            f"uploads of at most {_ALL_UPLOADS_BYTES / 1e9:.0f} GB in all",
            f"{taken / 1e9:.1f} GB that are kept already",
            f"delete some from {folder}",
        )
    kept = folder / f"{hashlib.sha256(content).hexdigest()[:12]}-{plain}"
    if not kept.exists():
        partial = kept.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(kept)
    return kept


def is_of_documents(one: CommandOption) -> bool:
    """Whether an option names documents."""
    return one.declared.names in OF_DOCUMENTS
