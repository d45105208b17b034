"""Downloads of a decompression's examples, as `assay export` writes them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from assay.cache.decompressions.export import FOLDER, ExportChoice, export_archive
from assay.cache.decompressions.read import ExampleFilter
from assay.cache.store import Store
from assay.core.specs.annotations import EVERYTHING, AnnotationFilter

# Title, kind, file ending, and whether it contains chats.
_SHAPES = (
    ("Parquet", "parquet", "examples.parquet", False),
    ("JSON Lines", "jsonl", "examples.jsonl", False),
    ("Chats as JSON Lines", "jsonl", "chats.jsonl", True),
    ("Folder for `datasets`, with a data card", FOLDER, "", False),
)


def export_examples(
    path: Path, only: ExampleFilter, annotated: AnnotationFilter = EVERYTHING
) -> None:
    """One download per format, made when clicked, of the examples that match the filters.

    ``annotated``: the filter by what people said, which ``only`` holds as numbers.
    """
    with st.popover("Export", icon=":material/download:", type="tertiary", key="export examples"):
        for title, kind, name, is_chat in _SHAPES:
            choice = ExportChoice(is_chat=is_chat, only=only, annotated=annotated)
            st.download_button(
                title,
                data=partial(export_archive, Store.default(), path, kind, choice, name),
                file_name=f"{path.stem}-{name.replace('.', '-') or 'dataset'}.zip",
                key=f"export {title}",
                on_click="ignore",
            )
        st.caption(
            "The examples that match the filters, each with its flags, grades, mark, tags and "
            "note, and a manifest or card with the model, its hash, the prompts and the filters. "
            "`assay export` writes the same."
        )
