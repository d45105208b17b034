"""A result that the store keeps as a record: chosen, and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from cache.records import RecordShelf
from pages.parts.choices import told_apart
from pages.parts.deletion import deletable
from pages.parts.plain import markdown_safe

Record = Mapping[str, Any]


def chosen_record(shelf: RecordShelf, parameter: str, what: str) -> Record | None:
    """The record that the address names by ``parameter``, or the newest; None if there is none."""
    records = {record[shelf.id_key]: record for record in shelf.all()}
    asked = st.query_params.get(parameter)
    if asked is not None and asked not in records:
        st.warning(
            f"There is no {what} named {markdown_safe(asked)} in this store.",
            icon=":material/search_off:",
        )
        return None
    if not records:
        return None
    names = list(records)
    labels = told_apart(
        {name: f"{one['title']} · {one['created_at'][:10]}" for name, one in records.items()}
    )
    chosen = st.selectbox(
        what.capitalize(),
        names,
        index=names.index(asked) if asked else 0,
        format_func=labels.__getitem__,
        key=f"{parameter}-{asked}",
    )
    if chosen != asked:
        st.query_params[parameter] = chosen
    return records[chosen]


def deletable_record(
    shelf: RecordShelf, record: Record, parameter: str, what: str, consequence: str
) -> None:
    """A button that deletes the record once it is confirmed."""
    delete = partial(shelf.delete, record[shelf.id_key])
    deletable(what, record["title"], consequence, delete, named_by=parameter)
