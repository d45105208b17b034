"""Downloads of a table on the page with its manifest, in one archive.

Streamlit's own download and copying of tables are off (`.streamlit/config.toml`): they would pass
document text to a spreadsheet, which runs anything that looks like a formula.

A download is made when it is clicked, long after the page ran. So a page passes the table, or a
``partial`` that makes it, and never a lambda: that would look up the page's variables only then,
when they may hold another table's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pandas.api.types import is_integer_dtype, is_numeric_dtype

from assay.cache.export import FORMATS, Origin, Table, archive
from assay.core.findings.table_cells import as_numbers, as_text
from assay.core.specs.metrics import Metric
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.tables import shown_table

# Of a table, in pixels: the width of a page in a window of 1,024, of a character and of a cell's
# margins. In characters: a number, and the longest text that a column makes room for.
_NARROW, _CHARACTER, _CELL = 560, 6.3, 18
_NUMBER, _MOST_CHARACTERS = 7, 40
# Streamlit may make a column of a table that fits no wider than this.
_USUAL = 120
_SCROLL = "In a narrow window, scroll the table sideways"
# How a table shows a whole number.
WHOLE = "%,d"
_FORMAT_NAMES = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}


def column_meanings(metrics: Iterable[Metric]) -> dict[str, Any]:
    """Of a table with a column per metric: what each measures, as its title's tooltip."""
    return {one.info.column: st.column_config.Column(help=one.info.meaning) for one in metrics}


def export_popover(
    origin: Origin, name: str, table: Table, chosen: Mapping[str, Any] | None = None
) -> None:
    """One download per format, made when clicked; ``chosen``: the filters of the table."""
    with st.popover("Export", icon=":material/download:", type="tertiary", key=f"export {name}"):
        for kind in FORMATS:
            st.download_button(
                _FORMAT_NAMES[kind],
                data=partial(archive, origin, name, table, kind, chosen or {}),
                file_name=f"{origin.name}-{name}-{kind}.zip",
                key=f"export {name} {kind}",
                on_click="ignore",
                help="text that a spreadsheet could execute gets a leading apostrophe"
                if kind == "csv"
                else None,
            )
        st.caption("Comes with a manifest that states the table's origin and checksum.")


def export_line(
    origin: Origin,
    name: str,
    table: Table,
    note: str = "",
    chosen: Mapping[str, Any] | None = None,
) -> None:
    """Downloads on their own line below a table or chart, next to how to read it."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if note:
            st.caption(note)
        export_popover(origin, name, table, chosen)


def count_columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Whole numbers with their thousands apart, for ``st.dataframe``.

    As everywhere else on the page, and not as the browser's language has it: there 10.000 may be
    ten thousand.
    """
    return {
        column: st.column_config.NumberColumn(format=WHOLE)
        for column, kind in frame.dtypes.items()
        if is_integer_dtype(kind)
    }


def exported_table(
    origin: Origin,
    name: str,
    frame: pd.DataFrame,
    note: str = "",
    chosen: Mapping[str, Any] | None = None,
    **shown: Any,
) -> None:
    """A whole table, its downloads and how to read it; ``shown``: further display options.

    Compact text on the page is exported as numbers. Of a table that is wider than a narrow window,
    the first column stays in view, and the note says that there are more columns.
    """
    defaults = {"hide_index": True, "height": "content", "placeholder": "—"}
    columns = {**count_columns(frame), **shown.pop("column_config", {})}
    text = as_text(frame)
    first, is_wide = str(text.columns[0]), _width(text, columns) > _NARROW
    for title in text if is_wide else [first]:
        width = round(_column_width(str(title), text[title]))
        if width > _USUAL or (is_wide and title == first):
            columns[str(title)] = {"width": width, **(columns.get(str(title)) or {})}
    if is_wide:
        columns[first]["pinned"] = True
        note = sideways(note, len(text.columns))
    shown_table(text, columns, **{**defaults, **shown})
    export_line(origin, name, as_numbers(frame), note, chosen)


def wrapped_table(
    origin: Origin, name: str, frame: pd.DataFrame, chosen: Mapping[str, Any] | None = None
) -> None:
    """A small table of facts and its downloads; what is long takes several lines."""
    # A static table, which reads Markdown.
    st.table(as_text(frame).map(lambda value: markdown_safe(str(value))), hide_index=True)
    export_line(origin, name, as_numbers(frame), chosen=chosen)


def sideways(note: str, n_columns: int | None = None) -> str:
    """How to read a table, and that some of its columns may be out of view."""
    how_many = "" if n_columns is None else f": it has {n_columns} columns"
    return f"{note} {_SCROLL}{how_many}.".strip()


def _width(text: pd.DataFrame, columns: Mapping[str, Any]) -> float:
    """About how wide a table is, in pixels, unless its columns say it."""
    settings = {title: columns.get(str(title)) or {} for title in text}
    return sum(
        own.get("width") or _column_width(own.get("label") or str(title), text[title])
        for title, own in settings.items()
    )


def _column_width(title: str, values: pd.Series) -> float:
    is_number = is_numeric_dtype(values)
    longest = _NUMBER if is_number else max((len(str(value)) for value in values), default=0)
    return _CELL + _CHARACTER * min(max(len(title), longest), _MOST_CHARACTERS)
