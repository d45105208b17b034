"""Numbers in tables, written as the rest of the page writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

_FIXED = re.compile(r"%\.(\d)f(?:%%)?")


def shown_table(frame: pd.DataFrame, column_config: Mapping[str, Any], **shown: Any) -> Any:
    """``st.dataframe``; a number that rounds to zero has no sign."""
    return st.dataframe(unsigned(frame, column_config), column_config=column_config, **shown)


def unsigned(frame: pd.DataFrame, column_config: Mapping[str, Any]) -> pd.DataFrame:
    """The table with 0 for every number that the format of its column rounds to -0."""
    decimals = {title: _decimals(settings) for title, settings in column_config.items()}
    return frame.assign(
        **{
            title: frame[title].mask(frame[title].between(-0.5 / 10**digits, 0), 0.0)
            for title, digits in decimals.items()
            if digits is not None and title in frame
        }
    )


def even_decimals(values: pd.Series, digits: int) -> str:
    """The format of a column whose size is unknown: so many decimals that of its largest number
    ``digits`` digits count, and as many for all others."""
    largest = values.abs().max()
    order = math.floor(math.log10(largest)) if largest > 0 else 0
    return f"%.{max(0, digits - 1 - order)}f"


def _decimals(settings: Mapping[str, Any] | None) -> int | None:
    written = ((settings or {}).get("type_config") or {}).get("format")
    found = _FIXED.fullmatch(written or "")
    return int(found[1]) if found else None
