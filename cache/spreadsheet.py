"""CSV in which no spreadsheet finds a formula: text that could be one is marked with an apostrophe.

Programs that read CSV differ in where a cell begins. Some split at ``;`` or a tab instead of
commas, some end a row at a line break inside quotes, some drop blanks and quotes around a text, and
East Asian editions accept full-width signs in formulas. So an apostrophe is put wherever any of
them could begin a cell with a formula, also inside a text. Removing what ``neutral`` adds restores
the exact text; numbers are left unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

MARK = "'"
# Every sign that begins a formula, and its compatibility forms.
FORMULA_SIGNS = (
    "=+-@"
    "\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
    "\N{SMALL EQUALS SIGN}\N{SMALL PLUS SIGN}\N{SMALL HYPHEN-MINUS}\N{SMALL COMMERCIAL AT}"
    "\N{SUPERSCRIPT EQUALS SIGN}\N{SUPERSCRIPT PLUS SIGN}"
    "\N{SUBSCRIPT EQUALS SIGN}\N{SUBSCRIPT PLUS SIGN}"
    "\N{HEBREW LETTER ALTERNATIVE PLUS SIGN}"
)
_CELL_BREAKS = ",;|\t"
_LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# Some programs drop one of these at the beginning of a cell and run what follows.
_BEFORE_ANY = "\t\r\n"
_IGNORED = r"\s\x00-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff\"“”„«»" + MARK
_BREAK = f"[{_CELL_BREAKS}{_LINE_BREAKS}]"
# A run always matches at its first character, so a text of blanks takes linear time.
_RUN = re.compile(
    rf"(\A[{_CELL_BREAKS}{_IGNORED}]*|[{_CELL_BREAKS}{_IGNORED}]+)"
    rf"([{re.escape(FORMULA_SIGNS)}]?)"
)
_LAST_BREAK = re.compile(rf"\A.*{_BREAK}", re.DOTALL)


def to_csv(frame: pd.DataFrame) -> bytes:
    """The frame as UTF-8 with headings; lists and other nested values as JSON."""
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    plain = frame.assign(**{name: frame[name].map(_cell) for name in texts})
    # Rows end as RFC 4180 says, so a cell that contains either half of that ending is quoted.
    return plain.rename(columns=neutral).to_csv(index=False, lineterminator="\r\n").encode()


def neutral(text: str) -> str:
    """The text with a mark wherever a formula could begin."""
    return _RUN.sub(_marked, text)


def to_json(value: Any) -> str:
    """A record or a list as JSON, numbers at full precision; missing values are null."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _marked(run: re.Match[str]) -> str:
    blanks, sign = run[1], run[2]
    is_first = run.start() == 0
    if not sign:
        is_hidden = is_first and blanks.lstrip(MARK).startswith(tuple(_BEFORE_ANY))
        return f"{MARK}{blanks}" if is_hidden else blanks
    last = _LAST_BREAK.match(blanks)
    if last:
        blanks = f"{last[0]}{MARK}{blanks[last.end() :]}"
    return f"{MARK if is_first else ''}{blanks}{sign}"


def _cell(cell: Any) -> Any:
    if isinstance(cell, Mapping | list | tuple | np.ndarray):
        cell = to_json(cell)
    return neutral(cell) if isinstance(cell, str) else cell


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, Collection) and not isinstance(value, str):
        return [_plain(one) for one in value]
    if value is None or value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value
