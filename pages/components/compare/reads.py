"""Cached reads of a comparison."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.audits.side_by_side import read_described
from assay.core.comparison.audits import Comparison, compare
from assay.core.comparison.selected import selected_documents
from assay.core.specs.strategies import Strategy


# Not copied for each visitor: sealed audits never change, and nothing changes what is read of them.
@st.cache_resource(max_entries=4, show_spinner="Comparing …")
def comparison(paths: tuple[Path, ...]) -> Comparison:
    return compare(paths)


@st.cache_data(max_entries=16, show_spinner=False)
def selected(paths: tuple[Path, ...], strategy: Strategy) -> pd.DataFrame:
    """``selected_documents`` with source, text and ``held_by``, the first audit that holds each."""
    table = selected_documents(comparison(paths).sides, strategy)
    held = table[[f"document_{i}" for i in range(len(paths))]].notna().to_numpy()
    table = table.assign(held_by=held.argmax(axis=1), source="", text="")
    for i, path in enumerate(paths):
        is_here = table["held_by"] == i
        numbers = table.loc[is_here, f"document_{i}"].astype("int64")
        known = read_described(path, numbers.to_numpy()).set_index("document_id")
        for column in ("source", "text"):
            table.loc[is_here, column] = known[column].reindex(numbers).to_numpy()
    return table
