"""What was recorded of a run, by the names that code gives it, for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from assay.core.findings.table_cells import TableCell


def fact_name(name: str) -> str:
    """``n_documents`` → documents, ``difference_n_tensors`` → difference tensors."""
    return name.removeprefix("n_").replace("_n_", "_").replace("_", " ")


def fact_value(value: Any) -> str:
    """A dash for None, yes or no for truth values, thousands apart in whole numbers; of several
    facts, those that are known, by name."""
    if value is None:
        return "—"
    if isinstance(value, Mapping):
        known = {name: one for name, one in value.items() if one is not None}
        return ", ".join(f"{fact_name(name)}: {fact_value(one)}" for name, one in known.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(fact_value, value)) or "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def fact_table(facts: Mapping[str, Any], heading: str = "value") -> pd.DataFrame:
    """One row a fact: its name and its value, which is exported as a number if it is one."""
    rows = [(fact_name(name), _cell(value)) for name, value in facts.items()]
    return pd.DataFrame(rows, columns=["fact", heading])


def _cell(value: Any) -> TableCell | str | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return TableCell.of(fact_value(value), value=value)
    return fact_value(value)
