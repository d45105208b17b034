"""Deleting a result whose items people annotated: what happens to what they said."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from assay.cache.annotations.annotations import Annotated, read_annotations
from assay.cache.store import Store
from assay.pages.components.deletion import deletable

_WITH_ANNOTATIONS = "with annotations"


def deletable_with_annotations(
    about: Annotated,
    items: str,
    title: str,
    consequence: str,
    delete: Callable[[Store, str, bool], None],
    *,
    named_by: str | None = None,
    row: str | None = None,
) -> None:
    """A button that deletes a result once its name is typed; what was said about its ``items`` goes
    as well if that is ticked."""
    chosen = f"{_WITH_ANNOTATIONS} {about.result_id}"

    def ask() -> None:
        n_annotated = len(read_annotations(Store.default(), about))
        if not n_annotated:
            return
        have = "has" if n_annotated == 1 else "have"
        st.write(
            f"{n_annotated:,} of its {items} {have} a mark, tag or note. These are kept, and "
            f"return if the same {about.kind} is made again."
        )
        st.checkbox(f"Also delete its marks, tags and notes ({n_annotated:,})", key=chosen)

    def delete_as_chosen() -> None:
        is_everything = bool(st.session_state.get(chosen, False))
        delete(Store.default(), about.result_id, is_everything)

    deletable(
        about.kind,
        about.result_id,
        title,
        consequence,
        delete_as_chosen,
        named_by=named_by,
        row=row,
        more=ask,
    )
