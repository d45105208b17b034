"""Zeros of tables: what is shown as zero has no sign."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

_DECIMALS = re.compile(r"%,?\.(\d+)f%*")


def unsigned_zeros(values: pd.Series, n_decimals: int) -> pd.Series:
    """0 for each number that this many decimals would show as -0.000. For showing alone: exports
    hold the numbers as they are."""
    return values.mask(values.between(-0.5 * 10**-n_decimals, 0), 0.0)


def with_unsigned_zeros(table: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    """The same of all columns whose format has decimals.

    ``columns``: Streamlit's configuration of columns, by their titles.
    """
    return table.assign(
        **{
            title: unsigned_zeros(table[title], int(found[1]))
            for title, settings in columns.items()
            if title in table and (found := _DECIMALS.fullmatch(_format(settings)))
        }
    )


def _format(settings: Any) -> str:
    own = settings.get("type_config") or {} if isinstance(settings, Mapping) else {}
    return str(own.get("format"))
