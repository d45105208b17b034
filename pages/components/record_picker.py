"""Choosing and deleting a result that the store keeps as a record."""

from __future__ import annotations

from functools import partial

import streamlit as st

from assay.cache.records import Record, RecordStore
from assay.pages.components.deletion import deletable
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.labels import distinct_labels
from assay.pages.components.own_page import link_to_own_page
from assay.pages.components.page_table import PAGES


def pick_record(shelf: RecordStore[Record], page: str, parameter: str, what: str) -> Record | None:
    """The record that the address names in ``parameter``, or the newest; None if there is none.

    The ``page`` ends here, with a link to the newest, if the address names one that is not there.
    """
    records = {record.record_id: record for record in shelf.all()}
    problems = shelf.problems()
    if problems:
        named = ", ".join(f"{name} ({problem})" for name, problem in problems.items())
        st.caption(markdown_safe(f"{len(problems)} files cannot be read: {named}"[:2000]))
    asked = st.query_params.get(parameter)
    if asked is not None and asked not in records:
        st.warning(
            f"There is no {what} named {markdown_safe(asked)} in this store.",
            icon=":material/search_off:",
        )
        if records:
            newest = next(iter(records))
            link_to_own_page(
                f"The newest {what}: {markdown_safe(records[newest].title)}",
                PAGES[page].icon,
                {parameter: newest},
            )
            st.stop()
    if not records:
        return None
    names = list(records)
    labels = distinct_labels(
        {name: f"{one.title} · {one.created_at[:10]}" for name, one in records.items()}
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
    shelf: RecordStore[Record], record: Record, parameter: str, what: str, consequence: str
) -> None:
    """A button that deletes the record once its name is typed."""
    delete = partial(shelf.delete, record.record_id)
    deletable(what, record.record_id, record.title, consequence, delete, named_by=parameter)
