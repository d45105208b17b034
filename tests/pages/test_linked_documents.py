"""Several documents in one link: Map, Selection and Evidence show these; wrong ones are said."""

from __future__ import annotations

import json

import pytest
from support.audit_file import write_sample_audit
from support.pages import opened, words

from assay.cache.among import Among
from assay.cache.audits.read import SelectionFilter, read_document, read_selection
from assay.cache.store import Store
from assay.core.specs.strategies import Strategy
from assay.pages.components.evidence_links import MOST_LINKED, Linked


@pytest.fixture
def path():
    return write_sample_audit(Store.default())


@pytest.mark.parametrize(
    ("asked", "numbers", "wrong"),
    [
        ("3,17", (3, 17), ()),
        (" 17 3,3 ", (17, 3), ()),
        ("3,400,-1,x,1e2", (3,), ("400", "-1", "x", "1e2")),
        (",".join(map(str, range(400))), tuple(range(MOST_LINKED)), ()),
    ],
)
def test_numbers_are_read_once_each_in_order(asked, numbers, wrong):
    """What the audit has, each once and at most so many; what it has not is kept apart."""
    assert Linked.of(asked, 400) == Linked(numbers, wrong)


def test_nothing_named_is_everything():
    """Without a number there is no filter."""
    assert Linked.of(" , ", 400) is None


def test_two_filters_by_number_leave_what_both_leave():
    """Whether each keeps its rows or leaves them out."""
    some, others = {1, 2, 3}, {2, 3, 9}
    for mine, own in ((some, False), (some, True)):
        for theirs, other in ((others, False), (others, True)):
            both = Among(tuple(mine), own).also(Among(tuple(theirs), other))
            kept = {
                one for one in range(12) if ((one in mine) != own) and ((one in theirs) != other)
            }
            assert {one for one in range(12) if (one in both.numbers) != both.is_excluding} == kept
    assert Among((1,)).also(None) == Among((1,))


def test_the_map_highlights_and_lists_them(path):
    """Exactly these documents are marked and listed, a wrong one is said, the button counts it as a
    filter, and a link leads to the evidence on all of them."""
    app = opened("map", audit="sample", documents="17,3,999")
    (canvas,) = app.main.get("bidi_component")
    pool = json.loads(canvas.proto.json)["pool"]
    marked = [number for number, match in zip(pool["id"], pool["match"], strict=True) if match]
    assert marked == [3, 17]
    listed = app.dataframe[0].value["text"]
    assert {read_document(path, number)["text"][:300] for number in marked} == set(listed)
    assert "no document 999" in words(app)
    assert any("Filter (1)" in one.proto.popover.label for one in app.get("popover"))
    (link,) = [one for one in app.get("page_link") if one.proto.label.startswith("Evidence on")]
    assert "documents=3%2C17" in link.proto.query_string
    assert "no document" not in words(opened("map", audit="sample", documents="17,3"))


def test_the_selection_keeps_them_alone(path):
    """Those of them that the strategy selected, also beside another filter."""
    rows = read_selection(path, Strategy.SELECT, SelectionFilter(), 60).rows
    numbers = rows["document_id"].iloc[[5, 2]].tolist()
    query = {"audit": "sample", "strategy": "SELECT"}
    app = opened("selection", **query, documents=f"{numbers[0]},{numbers[1]},x")
    assert app.dataframe[0].value["rank"].tolist() == [3, 6]
    assert "no document x" in words(app)
    assert len(opened("selection", **query).dataframe[0].value) == 60
    none = opened("selection", **query, documents=str(numbers[0]), mark="accepted")
    assert "No document of this selection matches" in words(none)


def test_evidence_goes_from_one_to_the_next(path):
    """The first of them is open unless the address names another; a click opens another, which the
    address then names."""
    app = opened("evidence", audit="sample", documents="17,3,-2")
    assert read_document(path, 17)["text"] in [one.value for one in app.code]
    assert "no document -2" in words(app).replace("\\", "")
    (choice,) = app.get("button_group")
    assert [one.content for one in choice.proto.options] == ["17", "3"]
    choice.set_value(3).run()
    assert read_document(path, 3)["text"] in [one.value for one in app.code]
    assert app.query_params["document"] in ("3", ["3"])
    other = opened("evidence", audit="sample", documents="17,3", document="8")
    assert read_document(path, 8)["text"] in [one.value for one in other.code]
