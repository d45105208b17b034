"""Text in exports: no program reads a formula in it, nothing is lost, and numbers survive."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import time
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.cache.export import to_bytes
from assay.cache.spreadsheet import FORMULA_SIGNS, MARK, neutral


def test_every_form_of_a_sign_is_known():
    """The signs that begin a formula are all characters that Unicode takes for one of the four."""
    forms = {
        sign
        for sign in map(chr, range(sys.maxunicode + 1))
        if unicodedata.normalize("NFKC", sign) in set("=+-@")
    }
    assert set(FORMULA_SIGNS) == forms


def recovered(text):
    """What ``neutral`` was given, from what it gave: the marks that it puts are taken away."""
    ignored = rf"[\s\x00-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff\"“”„«»{MARK}]"
    breaks = ",;|\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
    is_led = re.match(rf"(?:{ignored}|[,;|])*[{re.escape(FORMULA_SIGNS)}]", text)
    is_hidden = re.match(rf"{MARK}+[\t\r\n]", text)
    inner = re.sub(
        rf"(?<=[{breaks}]){MARK}(?=(?:(?![{breaks}]){ignored})*[{re.escape(FORMULA_SIGNS)}])",
        "",
        text,
    )
    return inner[1:] if is_led or is_hidden else inner


PIECES = st.sampled_from(
    [*"=+-@＝＋－＠\t\r\n,;|\"' ab1", "\u2028", "\ufeff", "\r\n", "=1+1", '"=', ";="]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=30))


def cells_of(data, delimiter=","):
    return list(csv.reader(io.StringIO(data, newline=""), delimiter=delimiter))


def runs_a_formula(cell):
    """Whether any program could: blanks, control signs and quotes before a sign may be dropped."""
    bare = re.sub(r"^[\s\x00-\x1f\x7f\xad\u200b-\u200f\u2060\ufeff\"“”„«»]+", "", cell)
    return unicodedata.normalize("NFKC", bare[:1]) in tuple("=+-@") or cell.startswith(
        ("\t", "\r", "\n")
    )


@given(TEXTS)
@example("a\n=1+1")
@example("a;=1+1")
@example('"\t=1')
@example("'\t")
@example("\n\n ＝1")
@example(",\n=1")
def test_neutral_text_can_be_recovered(text):
    """Marking loses nothing: taking the marks away gives every text back."""
    assert recovered(neutral(text)) == text


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), TEXTS)
def test_no_program_reads_a_formula(rows, heading):
    """Read with commas, with another delimiter, or line by line without regard for quotes, no cell
    and no heading starts a formula; read as it is meant, every text and number is there."""
    frame = pd.DataFrame(rows, columns=[f"{heading}a", "b"], dtype=object).assign(n=-1.5)
    written = to_bytes(frame, "csv").decode()
    header, *table = cells_of(written)
    assert [
        [recovered(cell) for cell in header[:2]],
        *[list(map(recovered, row[:2])) for row in table],
    ] == [
        [f"{heading}a", "b"],
        *map(list, rows),
    ]
    assert [float(row[2]) for row in table] == [-1.5] * len(rows)
    naive = [
        cell
        for line in re.split(r"[\r\n]", written)
        for delimiter in ",;\t|"
        for cell in line.split(delimiter)
    ]
    for cell in (cell for row in (header, *table) for cell in row[:2]):
        assert not runs_a_formula(cell)
    for cell in naive:
        assert not runs_a_formula(cell.strip()) or cell == "-1.5" or cell.endswith(",-1.5")


@pytest.mark.parametrize("piece", ["\n", " ", ",", "'", "=", ",="])
def test_hostile_text_takes_linear_time(piece):
    """However long a run of blanks, breaks or signs is, marking it takes no more than a moment."""
    size = 1_000_000
    began = time.monotonic()
    assert len(neutral(piece * size)) >= size
    assert time.monotonic() - began < 60


def test_lists_and_small_numbers_survive_every_format():
    """A list is JSON in a CSV, and a p-value of 1e-53 is no zero in any format."""
    frame = pd.DataFrame({"p": [3.6e-53], "spectrum": [np.linspace(0, 1, 2000)], "flags": [["a"]]})
    table = pd.read_csv(io.BytesIO(to_bytes(frame, "csv")))
    (line,) = [json.loads(one) for one in to_bytes(frame, "jsonl").splitlines()]
    assert table["p"][0] == line["p"] == 3.6e-53
    assert json.loads(table["spectrum"][0]) == line["spectrum"] == frame["spectrum"][0].tolist()
    assert line["flags"] == ["a"]
