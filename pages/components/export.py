"""Downloads of what is on screen: the table with a manifest beside it, in one archive.

Streamlit's own download and copying of tables are off (`.streamlit/config.toml`): they would hand
document text to a spreadsheet, which runs what looks like a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.export import FORMATS, Origin, archive

_FORMAT_NAMES = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}


def export_popover(
    origin: Origin,
    name: str,
    make_frame: Callable[[], pd.DataFrame],
    chosen: Mapping[str, Any] | None = None,
) -> None:
    """One download a format, made when asked for; ``chosen``: what filters the table shows."""
    with st.popover("Export", icon=":material/download:", type="tertiary", key=f"export {name}"):
        for kind in FORMATS:
            st.download_button(
                _FORMAT_NAMES[kind],
                data=lambda kind=kind: archive(origin, name, make_frame(), kind, chosen or {}),
                file_name=f"{origin.name}-{name}-{kind}.zip",
                key=f"export {name} {kind}",
                on_click="ignore",
                help="cells that a spreadsheet would run are neutralised"
                if kind == "csv"
                else None,
            )
        st.caption("With a manifest that says where the table is from, and its bytes.")


def export_line(
    origin: Origin, name: str, make_frame: Callable[[], pd.DataFrame], note: str = ""
) -> None:
    """Downloads on a line of their own under what they hold, beside how to read it."""
    left, right = st.columns([6, 1]) if note else (None, st.container())
    if left:
        left.caption(note)
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        export_popover(origin, name, make_frame)


def exported_table(
    origin: Origin, name: str, frame: pd.DataFrame, note: str = "", **shown: Any
) -> None:
    """A whole table, its downloads and how to read it; ``shown``: more of how it looks."""
    defaults = {"hide_index": True, "height": "content", "placeholder": "—"}
    st.dataframe(frame, **{**defaults, **shown})
    export_line(origin, name, lambda: frame, note)
