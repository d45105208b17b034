"""Context for a value: its interval, its null and the best possible value."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from assay.core.findings.finding import Row
from assay.core.findings.formatting import decimal, p_value, percent

_WORDS = {
    "method": "{}",
    "n_neighbors": "{} neighbours",
    "min_dist": "minimum distance {}",
    "metric": "{} distance",
    "init": "started from {}",
    "n_fitted": "fitted on {} documents",
}
_NAMES = {"pca": "PCA"}


def beside(row: Row, is_share: bool = True) -> str:
    """A metric row's interval, null, ceiling, p-value and method, in one line."""
    number = percent if is_share else decimal
    parts = []
    if pd.notna(row["low"]):
        parts.append(f"95% interval {number(row['low'])} to {number(row['high'])}")
    if pd.notna(row["null_value"]):
        parts.append(
            f"{row['null_kind']} {number(row['null_value'])} "
            f"(95% range {number(row['null_low'])} to {number(row['null_high'])})"
        )
    if pd.notna(row["ceiling"]):
        parts.append(f"at best {number(row['ceiling'])}")
    if pd.notna(row["p_value"]):
        parts.append(p_value(row["p_value"]))
    return "; ".join([*parts, row["method"]])


def settings_line(parameters: Mapping[str, object] | None) -> str:
    """How a map was made: method, parameters, seed; "" if the audit does not say."""
    if not parameters:
        return ""
    method, *others = (
        _WORDS.get(name, f"{name.replace('_', ' ')} {{}}").format(
            f"{value:,}" if isinstance(value, int) else _NAMES.get(str(value), value)
        )
        for name, value in parameters.items()
    )
    return f"Map: {', '.join([method, *others])}."
