"""Exports of every page on a real server: the rows that stand there, as numbers and safe text."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from urllib.parse import parse_qsl

import duckdb
import numpy as np
import pandas as pd
import pytest
from support.full_store import fill
from support.paths import ROOT
from support.server import Server
from support.visitor import Visitor, has_key

from assay.cache.audits.document_evidence import read_neighbours, read_texts
from assay.cache.audits.map_documents import read_documents
from assay.cache.audits.read import audit_path
from assay.cache.export import export_selection
from assay.cache.store import Store
from assay.core.findings.table_cells import PERCENT, TableCell, as_numbers, as_text
from assay.core.specs.strategies import Strategy

EMPTY = {None, "", "—"}
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
# Of long lists a page shows a part, and says so; the export holds all.
HOLDS_MORE = ("ranked-by-", "selection", "measurements")
PAGES = [
    ("overview", "audit=titrated"),
    ("overview", "audit=again"),
    ("assessability", "audit=titrated"),
    ("evidence", "audit=titrated&document=7"),
    ("titration", "audit=titrated"),
    ("titration", "audit=titrated&strategy=random&share=100&budget=40&metric=membership-auc"),
    ("membership", "audit=titrated"),
    ("transport", "audit=titrated"),
    ("transport", "audit=titrated&distance=Vocabulary%20containment"),
    ("class_balance", "audit=titrated"),
    ("class_balance", "audit=titrated&by=source"),
    ("corpora", "audit=ranked"),
    ("selection", "audit=sample&strategy=top-k"),
    ("compare", "audits=titrated,again,sample"),
    ("suspects", ""),
    ("echo", ""),
    ("diff", "a=a-0&b=b"),
    ("experiments", "recipe=main-classification"),
    ("experiments", "recipe=leakage-titration"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A dashboard whose store has something for every page."""
    store = Store(tmp_path_factory.mktemp("exports") / "home")
    fill(store)
    running = Server(store.root)
    running.store = store
    yield running
    running.close()


@pytest.fixture(scope="module")
def exported(server):
    """The exports of one visit to a page in every format: ``exported(page, query)[format]``."""

    @cache
    def visited(page, query):
        with Visitor(server) as visitor:
            visitor.open(page, query)
            return {kind: visitor.exports(kind) for kind in ("JSON Lines", "CSV", "Parquet")}

    return visited


def numbers_in(text):
    """Every number of a text, and how far it may be from what it was rounded from."""
    found = []
    for one in NUMBER.findall(str(text).replace("–", " ").replace("−", "-")):
        digits, _, exponent = one.replace(",", "").partition("e")
        unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
        found.append((float(one.replace(",", "")), unit / 2))
    return found


def stands_in(value, cell):
    """Whether a page's cell shows this number, rounded as it may be."""
    if isinstance(cell, int | float):
        is_minus_zero = cell == 0 and -0.0005 <= value < 0  # with its decimals, without the sign
        return is_minus_zero or cell == pytest.approx(value, rel=1e-5)
    places = numbers_in(cell)
    if str(cell).startswith("< "):
        return value < places[0][0]
    return any(
        abs(abs(value) * scale - abs(shown)) <= 1.001 * unit
        for shown, unit in places
        for scale in ((1, 100) if "%" in str(cell) else (1,))
    )


def is_missing(cell):
    return cell is None or (isinstance(cell, float) and np.isnan(cell)) or cell is pd.NA


def assert_same_rows(shown, exported, name):
    """Each row of a page's table stands in the same row of the export, heading by heading."""
    assert len(shown) == len(exported) or name.startswith(HOLDS_MORE), name
    assert len(shown) <= len(exported)
    n_compared = 0
    for heading in shown.columns:
        own = [
            column
            for column in exported.columns
            if column in (heading, f"{heading}, %")
            or (
                column.startswith((f"{heading}: ", f"{heading}, %: "))
                and column not in set(shown.columns)
            )
        ]
        n_compared += bool(own)
        for row, cell in enumerate(shown[heading]):
            values = [exported[column].iloc[row] for column in own]
            known = [one for one in values if not is_missing(one) and one != ""]
            if not own or is_missing(cell) or cell in EMPTY:
                assert set(known) <= {cell}, (name, heading, cell, values)
                continue
            assert known, (name, heading, cell)
            for one in known:
                if isinstance(one, str):
                    is_link = str(cell).endswith(f"={one}")
                    assert one.startswith(str(cell)) or is_link, (name, heading)
                elif not isinstance(one, list | bool):
                    assert stands_in(one, cell), (name, heading, cell, one)
    assert n_compared >= len(shown.columns) / 2, (name, list(shown), list(exported))


@pytest.mark.parametrize(("page", "query"), PAGES)
def test_every_export_holds_the_rows_of_its_page(exported, page, query):
    """Row by row and number by number, made by the server after the page has run to its end; every
    column has a name, and no number, with or without its bounds, is left as text."""
    found = exported(page, query)["JSON Lines"]
    assert found
    for one in found:
        assert one.manifest["n_rows"] == len(one.rows)
        assert one.manifest["columns"] == list(one.rows.columns)
        assert all(one.rows.columns.str.strip()), (one.name, list(one.rows.columns))
        for column in one.rows.select_dtypes(exclude="number"):
            texts = one.rows[column].dropna().astype(str)
            assert not texts.str.contains(r"\d \[.*\d–").any(), (one.name, column)
            if one.name != "settings":  # as one types them in a command
                numbers = texts.str.fullmatch(r"-?\d[\d,]{,11}(\.\d+)?")
                assert not numbers.any(), (one.name, column)
        if page in ("overview", "evidence") and one.name.endswith(("provenance", "neighbours")):
            parts = 4 if one.name == "provenance" else 3
            assert sum(map(len, one.shown[-parts:])) == len(one.rows)
        elif one.shown and one.name not in ("tensors", "topics", "examples"):
            assert_same_rows(one.shown[-1], one.rows, one.name)
        elif one.shown:
            assert len(one.shown[-1]) == len(one.rows)


def test_compared_documents_are_exported_with_their_numbers(exported, server):
    """Each selected document has its number in every audit that has it, so that it is found there
    again."""
    found = exported("compare", "audits=titrated,again,sample")["JSON Lines"]
    (selected,) = [one.rows for one in found if one.name == "selected-documents"]
    for letter, audit_id in zip("ABC", ("titrated", "again", "sample"), strict=True):
        own = selected.dropna(subset=[f"rank in {letter}"])
        numbers = own[f"document_id in {letter}"].astype(int).tolist()
        texts = read_documents(
            server.store.audits / f"{audit_id}.duckdb", numbers, (Strategy.SELECT,), 1_000
        )
        assert dict(zip(texts["document_id"], texts["text"], strict=True)) == dict(
            zip(numbers, own["text"], strict=True)
        )


@pytest.mark.parametrize(("page", "query"), PAGES)
def test_other_formats_hold_the_same(exported, page, query):
    """CSV and Parquet have the rows and headings that JSON Lines has, numbers as numbers."""
    found = exported(page, query)
    for kind in ("CSV", "Parquet"):
        for one, other in zip(found["JSON Lines"], found[kind], strict=True):
            assert_same_numbers(one, other)


def assert_same_numbers(one, other):
    assert other.manifest["n_rows"] == len(other.rows) == len(one.rows)
    assert other.manifest["columns"] == one.manifest["columns"]
    for column in one.rows.select_dtypes("number"):
        assert np.allclose(
            other.rows[column].astype(float),
            one.rows[column].astype(float),
            rtol=1e-6,  # of stored single-precision numbers CSV has the shortest form
            atol=0,
            equal_nan=True,
        ), (one.name, column)


def test_an_area_is_exported_under_its_own_heading(server):
    """The export of an area's documents holds those, with the ranks that Selection shows, and the
    one of the reference documents inside holds these; neither holds the other's."""
    query = "audit=sample&strategy=SELECT&area=0-0.1000-0.1000-500.0-500"
    with Visitor(server) as visitor:
        selected, true = visitor.open("map", query).exports()
    assert 0 < len(selected.rows) < 400
    assert set(selected.manifest["chosen"]["chosen_on_map"]) == set(selected.rows["document_id"])
    assert set(true.manifest["chosen"]["chosen_on_map"]) == set(true.rows["reference_id"])
    assert len(selected.manifest["chosen"]["area"]) == 4
    with duckdb.connect(str(server.store.audits / "sample.duckdb"), read_only=True) as audit:
        query = "SELECT document_id, rank + 1 FROM selections WHERE strategy = 'select'"
        ranks = dict(audit.execute(query).fetchall())
    own = selected.rows.set_index("document_id")["rank, SELECT"]
    assert own.notna().any()
    assert {number: ranks.get(number) for number in own.index} == {
        number: None if rank != rank else rank for number, rank in own.items()
    }
    assert_same_rows(selected.shown[0], selected.rows, selected.name)


def test_gestures_on_the_map_go_into_the_address(server):
    """A lasso lists what lies inside and a click opens its document; the address holds both."""
    query = "audit=sample&strategy=SELECT"
    with Visitor(server) as visitor:
        visitor.open("map", query)
        (canvas,) = [
            e.bidi_component for e in visitor.elements if has_key(e.bidi_component.id, "map")
        ]
        left, bottom, right, top = json.loads(canvas.json)["bounds"]
        middle = (bottom + top) / 2
        corners = [[left, bottom], [right, bottom], [right, middle], [left, middle]]
        visitor.open("map", query, map={"kind": "area", "value": corners})
        assert dict(parse_qsl(visitor.address))["area"] == "0-0.1000-0.1000-500.0-500"
        n_inside = len(visitor.exports()[0].rows)
        visitor.open("map", visitor.address, map={"kind": "document", "value": 7})
        found = dict(parse_qsl(visitor.address))
        assert (found["document"], found["area"]) == ("7", "0-0.1000-0.1000-500.0-500")
        assert len(visitor.exports()[0].rows) == n_inside
        (text,) = read_texts(audit_path(server.store, "sample"), [7])["text"]
        assert text in [e.code.code_text for e in visitor.elements if e.HasField("code")]
        visitor.open("map", visitor.address, map={"kind": "reference", "value": 3})
        found = dict(parse_qsl(visitor.address))
        assert found["reference"] == "3"
        assert "document" not in found


def test_a_live_selection_is_exported_as_chosen_on_its_map(server):
    """Of a live selection the document chosen on the map is exported alone, and the manifest names
    it beside the sliders' values; without one all are."""
    query = "audit=titrated&budget=30&share=100"
    with Visitor(server) as visitor:
        every = visitor.open("titration", query).exports()[0]
        (third,) = every.rows.loc[every.rows["rank"] == 3, "document_id"]
        clicked = [
            {"series_id": one["id"], "data_indices": [place]}
            for one in visitor.canvas("map")["series"]
            for place, point in enumerate(one["data"])
            if one["type"] == "scatter" and point[2] == third
        ]
        visitor.open("titration", query, map=clicked)
        chosen = visitor.exports()[0]
    assert every.rows["rank"].tolist() == list(range(1, 31))
    assert every.manifest["chosen"]["chosen_on_map"] == []
    assert chosen.rows["document_id"].tolist() == [third]
    assert chosen.manifest["chosen"] == {
        "strategy": "select",
        "leaked_share": 1.0,
        "budget": 30,
        "draw": 0,
        "chosen_on_map": [third],
    }


def test_filters_narrow_an_export_and_stand_in_its_manifest(server):
    """A filtered selection is exported filtered, and the manifest has the labels by name."""
    query = "audit=sample&strategy=top-k&search=market&labels=sport&labels=world"
    with Visitor(server) as visitor:
        (all_rows,) = visitor.open("selection", "audit=sample&strategy=top-k").exports()
    with Visitor(server) as visitor:
        (found,) = visitor.open("selection", query).exports()
    assert 0 < len(found.rows) < len(all_rows.rows) == 60
    assert found.rows["text"].str.contains("market").all()
    assert set(found.rows["pseudolabel"]) <= {"sport", "world"}
    assert found.manifest["chosen"]["labels"] == ["sport", "world"]
    assert found.manifest["chosen"]["search"] == "market"
    assert all_rows.rows["rank"].tolist() == list(range(1, 61))


def test_neighbours_can_be_exported(server):
    """The card's neighbours of all kinds go out in the page's order."""
    with Visitor(server) as visitor:
        *_, found = visitor.open("evidence", "audit=titrated&document=7").exports()
    rows = read_neighbours(audit_path(server.store, "titrated"), 7, Strategy.SELECT, 5)
    assert found.rows["kind"].drop_duplicates().tolist() == ["selected", "reference", "pool"]
    assert set(found.rows["text"]) == set(rows["text"])
    assert found.manifest["chosen"]["document"] == 7


def test_no_download_looks_its_variables_up_late():
    """What is handed to a download is a value or a partial, which binds its arguments: no lambda
    and no nested function, whose variables may hold another table's rows by the time of a click."""
    deferring = {"download_button", "export_popover", "export_line", "exported_table", "Origin"}

    def late(tree):
        nested = {
            inner.name
            for outer in ast.walk(tree)
            if isinstance(outer, ast.FunctionDef)
            for inner in ast.walk(outer)
            if isinstance(inner, ast.FunctionDef) and inner is not outer
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call):
                name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                for given in [*call.args, *(one.value for one in call.keywords)]:
                    is_nested = isinstance(given, ast.Name) and given.id in nested
                    if name in deferring and (isinstance(given, ast.Lambda) or is_nested):
                        yield call.lineno

    files = [*ROOT.glob("pages/**/*.py"), *ROOT.glob("cache/**/*.py"), ROOT / "app.py"]
    assert [(file, list(late(ast.parse(file.read_text())))) for file in files] == [
        (file, []) for file in files
    ]
    assert list(late(ast.parse("export_line(origin, 'x', lambda: rows)"))) == [1]


def test_ranks_start_at_one_everywhere(server, tmp_path):
    """The command line writes the ranks that the page shows."""
    out = tmp_path / "out.csv"
    n_rows = export_selection(
        server.store, server.store.audits / "sample.duckdb", Strategy.TOP_K, out
    )
    assert pd.read_csv(out)["rank"].tolist() == list(range(1, n_rows + 1))


def test_a_cell_is_text_for_people_and_numbers_for_programs():
    """Value and bounds go into columns of their own at full precision, words into another; what
    has no numbers stays as it is."""
    cell = TableCell.of("64.8 [61.1–68.4]", PERCENT, value=0.648123, low=0.611, high=0.684)
    table = pd.DataFrame(
        {"by": ["a", "b", "c"], "accuracy": [cell, "not measured", ""], "n": [1, 2, 3]}
    )
    assert as_text(table)["accuracy"].tolist() == ["64.8 [61.1–68.4]", "not measured", ""]
    numbers = as_numbers(table)
    assert list(numbers) == [
        "by",
        "accuracy, %",
        "accuracy, %: low",
        "accuracy, %: high",
        "accuracy: words",
        "n",
    ]
    assert numbers["accuracy, %"].iloc[0] == pytest.approx(64.8123)
    assert numbers["accuracy, %"].isna().tolist() == [False, True, True]
    assert numbers["accuracy: words"].tolist()[1] == "not measured"
    assert as_numbers(table[["by", "n"]]).equals(table[["by", "n"]])
