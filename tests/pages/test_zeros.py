"""No table shows a zero with a sign."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import streamlit as st
from hypothesis import given
from hypothesis import strategies as some
from support.audit_file import write_sample_audit
from support.pages import opened

from assay.cache.audits.read import SelectionFilter, read_selection
from assay.core.specs.strategies import Strategy
from assay.pages.components.zeros import unsigned_zeros, with_unsigned_zeros


@given(some.lists(some.floats(-2, 2) | some.floats(-1e-3, 1e-3), min_size=1), some.integers(0, 5))
def test_what_is_shown_as_zero_has_no_sign(values, n_decimals):
    """Every other number is shown as it is; the control: without it -0.0001 is shown as -0.000."""
    shown = unsigned_zeros(pd.Series(values, dtype=float), n_decimals)
    for before, after in zip(values, shown, strict=True):
        said = f"{before:.{n_decimals}f}"
        is_zero = float(said) == 0
        assert f"{after:.{n_decimals}f}" == (said.removeprefix("-") if is_zero else said)
        assert is_zero or after == before
    assert f"{-0.0001:.3f}" == "-0.000"


def test_columns_are_rounded_by_their_own_format():
    """Whole numbers, texts and formats without decimals stay as they are."""
    table = pd.DataFrame({"a": [-1e-4], "b": [-1e-4], "c": ["-0.0001"], "d": [np.nan]})
    columns = {
        "a": st.column_config.NumberColumn(format="%.3f"),
        "b": st.column_config.NumberColumn(format="%.4g"),
        "c": st.column_config.TextColumn("c"),
        "d": st.column_config.NumberColumn(format="%.3f"),
        "e": None,
    }
    pd.testing.assert_frame_equal(with_unsigned_zeros(table, columns), table.assign(a=0.0))


def signed_zeros(app) -> list[str]:
    """What a page's tables show as -0.000, by column."""
    found = []
    for one in app.dataframe:
        for title, settings in json.loads(one.proto.columns or "{}").items():
            how = (settings.get("type_config") or {}).get("format") or ""
            if title in one.value and how.startswith("%.") and how.endswith("f"):
                cells = [how % value for value in one.value[title].dropna()]
                found += [title for cell in cells if cell[0] == "-" and float(cell) == 0]
    return found


def test_a_page_shows_no_signed_zero(store):
    """The table of a selection with a tiny loss; the control: the audit holds it as it is."""

    def make_tiny(builder):
        builder._connection.execute("UPDATE selections SET gain = -0.00001")

    path = write_sample_audit(store, before_seal=make_tiny)
    assert signed_zeros(opened("selection", audit="sample", strategy="random")) == []
    assert (read_selection(path, Strategy.RANDOM, SelectionFilter(), 5).rows["gain"] < 0).all()
