"""How numbers stand in tables: decimals, and no sign where they round to zero."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from support.audit_file import write_sample_audit
from support.pages import opened
from support.titration_audit import write_sample_titration

from assay.pages.components.tables import even_decimals, unsigned

FIXED = st.column_config.NumberColumn(format="%.4f")


def test_a_number_that_rounds_to_zero_has_no_sign():
    """-0.00001 with four decimals is 0; -0.0001 stays, and so do a missing number and a column
    that is not rounded."""
    table = pd.DataFrame({"gain": [-1e-5, -1e-4, np.nan], "score": [-1e-5, 1.0, 2.0]})
    shown = unsigned(table, {"gain": FIXED, "score": None, "absent": FIXED})
    assert [f"{one:.4f}" for one in shown["gain"]] == ["0.0000", "-0.0001", "nan"]
    assert unsigned(shown, {"gain": FIXED}).equals(shown)
    assert shown["score"].tolist() == table["score"].tolist()


@pytest.mark.parametrize(
    ("largest", "expected"), [(0.0362, "%.4f"), (3.0, "%.2f"), (-123.4, "%.0f"), (0.0, "%.2f")]
)
def test_a_column_has_as_many_decimals_in_every_row(largest, expected):
    """So many that three digits of its largest number count."""
    assert even_decimals(pd.Series([largest / 2, largest, np.nan]), 3) == expected


def test_selection_shows_no_gain_of_minus_zero(store):
    """A document that lowered the cosine by less than the table shows has a gain of 0.0000."""

    def lower(builder):
        builder._connection.execute("UPDATE selections SET gain = -0.00001")

    write_sample_audit(store, before_seal=lower)
    gains = opened("selection", audit="sample").dataframe[0].value["gain"]
    assert {f"{one:.4f}" for one in gains} == {"0.0000"}


def test_a_wide_table_has_room_for_every_interval(store):
    """Streamlit makes columns of such a table 120 pixels wide, less than the longest intervals."""
    write_sample_titration(store)
    for page, name in (("overview", "titrated"), ("membership", "titrated")):
        table = opened(page, audit=name).dataframe[0]
        settings = json.loads(table.proto.columns)
        for title, column in table.value.items():
            width = (settings.get(title) or {}).get("width", 120)
            assert width >= 6 * max(map(len, column)), (page, title)


@pytest.mark.parametrize(("page", "at"), [("membership", 0), ("membership", 1), ("evidence", 1)])
def test_a_p_value_in_a_table_is_never_zero(store, page, at):
    """It has three decimals or is less than 0.001, as in sentences; of a held-out document there is
    none."""
    write_sample_titration(store)
    table = opened(page, audit="titrated").dataframe[at].value
    written = [cell for name in ("p", "q") if name in table for cell in table[name].dropna()]
    assert written
    assert all(re.fullmatch(r"< 0\.001|[01]\.\d{3}", cell) for cell in written)
