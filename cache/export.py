"""Selections as files for other programs."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from cache.home import Store
from cache.read import SelectionFilter, audit_path, read_facts, read_selection
from core.errors import InputError
from core.specs import Strategy

FORMATS = ("csv", "jsonl", "parquet")
# A spreadsheet runs a cell that begins with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def selection_frame(
    path: Path,
    strategy: Strategy,
    chosen: SelectionFilter | None = None,
    limit: int = 2**31,
) -> pd.DataFrame:
    """A selection, or its beginning, with label names instead of numbers."""
    names = read_facts(path).label_names
    page = read_selection(path, strategy, chosen or SelectionFilter(), limit)
    frame = page.rows.assign(strategy=str(strategy))
    if not names:
        return frame.drop(columns=["pseudolabel", "final_probability"])
    return frame.assign(pseudolabel=[names[label] for label in frame["pseudolabel"]])


def to_bytes(frame: pd.DataFrame, kind: str) -> bytes:
    """The frame as a file of one of ``FORMATS``; formulas in CSV cells are neutralised."""
    if kind == "csv":
        return _without_formulas(frame).to_csv(index=False).encode()
    if kind == "jsonl":
        return frame.to_json(orient="records", lines=True, force_ascii=False).encode()
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def export_selection(store: Store, audit_id: str, strategy: Strategy, out: Path) -> int:
    """Write a selection to ``out``, by its ending; returns the number of rows."""
    kind = out.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise InputError(
            f"a file ending in {', '.join(FORMATS)}", repr(out.name), "name another --out"
        )
    path = audit_path(store, audit_id)
    if strategy not in read_facts(path).strategies:
        raise InputError("a strategy of this audit", repr(str(strategy)), "name another --strategy")
    frame = selection_frame(path, strategy)
    out.write_bytes(to_bytes(frame, kind))
    return len(frame)


def _without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    def neutral(cell: object) -> object:
        is_formula = isinstance(cell, str) and cell.startswith(_FORMULA_STARTS)
        return f"'{cell}" if is_formula else cell

    texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{name: frame[name].map(neutral) for name in texts})
