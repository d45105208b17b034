"""Filters by what people said, kept in the address; and what they said as columns of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from assay.core.specs.annotations import Annotation, AnnotationFilter, Marked
from assay.pages.components.asked_for import accept_choice


def choose_annotations(
    place: DeltaGenerator, tags_place: DeltaGenerator, said: Mapping[Any, Annotation]
) -> AnnotationFilter:
    """Which marks and tags to show; without any, everything."""
    accept_choice("mark", "Mark", Marked)
    mark = place.selectbox(
        "Mark", list(Marked), index=None, placeholder="all", key="mark", bind="query-params"
    )
    used = tags_of(said)
    # A link may name tags that nobody uses any more: then nothing is left, as the link says.
    asked = st.query_params.get_all("tags")
    tags = tags_place.multiselect(
        "Tags",
        sorted({*used, *asked}),
        key="tags",
        placeholder="all" if used else "none yet",
        bind="query-params",
    )
    return AnnotationFilter(None if mark is None else Marked(mark), tuple(tags))


def tags_of(said: Mapping[Any, Annotation]) -> list[str]:
    """Every tag that was used, in alphabetical order."""
    return sorted({tag for one in said.values() for tag in one.tags})


def annotation_columns(
    items: Iterable[int | str], said: Mapping[Any, Annotation]
) -> dict[str, list[str]]:
    """Columns with the mark and the tags of each row; none where nothing was said yet."""
    own = [Annotation() if pd.isna(one) else said.get(one, Annotation()) for one in items]
    columns = {"mark": [str(one.mark or "") for one in own]} if said else {}
    if tags_of(said):
        columns["tags"] = [", ".join(one.tags) for one in own]
    return columns


def column_settings() -> dict[str, Any]:
    """How these columns are shown."""
    return {
        "mark": st.column_config.TextColumn("mark", width=78),
        "tags": st.column_config.TextColumn("tags", width=110),
    }
