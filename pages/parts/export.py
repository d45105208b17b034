"""Downloads of what is on screen: the table with a manifest beside it, in one archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cache.export import FORMATS, archive

_FORMAT_NAMES = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}


def export_popover(
    path: Path, name: str, make_frame: Callable[[], pd.DataFrame], chosen: Mapping[str, Any]
) -> None:
    """One download a format, made when asked for; ``chosen``: what filters the table shows."""
    with st.popover("Export", icon=":material/download:", type="tertiary", key=f"export {name}"):
        for kind in FORMATS:
            st.download_button(
                _FORMAT_NAMES[kind],
                data=lambda kind=kind: archive(path, name, make_frame(), kind, chosen),
                file_name=f"{path.stem}-{name}-{kind}.zip",
                key=f"export {name} {kind}",
                on_click="ignore",
                help="cells that a spreadsheet would run are neutralised"
                if kind == "csv"
                else None,
            )
        st.caption("With a manifest that names the audit and the table's bytes.")


def exported_table(path: Path, name: str, frame: pd.DataFrame) -> None:
    """A whole table, and its downloads under it."""
    st.dataframe(frame, hide_index=True, height="content")
    with st.container(horizontal=True, horizontal_alignment="right"):
        export_popover(path, name, lambda: frame, {})
