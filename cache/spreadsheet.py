"""CSV that no spreadsheet runs: text that could be read as a formula is marked with an apostrophe.

Programs that read a CSV differ in where a cell begins: some split at ``;`` or a tab instead of
commas, some end a row at a line break inside quotes, some drop blanks and quotes around a text, and
East Asian editions take full-width signs for formulas. An apostrophe therefore goes wherever any
of them could begin a cell that is a formula, also inside a text. Taking away what ``neutral`` adds
gives the text back, letter by letter; numbers are left as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

MARK = "'"
# Every sign that is, or that is a compatibility form of, what begins a formula.
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
# Of a cell that begins with one of these some programs drop it and run what follows.
_BEFORE_ANY = "\t\r\n"
_IGNORED = r"\s\x00-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff\"“”„«»" + MARK
_BREAK = f"[{_CELL_BREAKS}{_LINE_BREAKS}]"
# A run always matches where it begins, so that a text of blanks alone takes linear time.
_RUN = re.compile(
    rf"(\A[{_CELL_BREAKS}{_IGNORED}]*|[{_CELL_BREAKS}{_IGNORED}]+)"
    rf"([{re.escape(FORMULA_SIGNS)}]?)"
)
_LAST_BREAK = re.compile(rf"\A.*{_BREAK}", re.DOTALL)


def to_csv(frame: pd.DataFrame) -> bytes:
    """The frame as UTF-8, headings included; lists and the like as JSON."""
    texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
    plain = frame.assign(**{name: frame[name].map(_cell) for name in texts})
    # Rows end as RFC 4180 says, so that a cell with either half of that is quoted.
    return plain.rename(columns=neutral).to_csv(index=False, lineterminator="\r\n").encode()


def neutral(text: str) -> str:
    """The text with a mark wherever a formula could begin."""
    return _RUN.sub(_marked, text)


def to_json(value: Any) -> str:
    """A record or a list as JSON, numbers at full precision; what is missing is null."""
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
