"""Marking documents, finding them again and taking them along, in a real browser."""

from __future__ import annotations

import pytest

from assay.cache.audits.read import SelectionFilter, audit_path, read_selection
from assay.core.specs.strategies import Strategy

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
NOTE = "=1+1 looks like <b>our</b> manual"


@pytest.fixture
def first(dashboard):
    """The document that SELECT took first."""
    rows = read_selection(
        audit_path(dashboard.store, "ranked"), Strategy.SELECT, SelectionFilter(), 1
    ).rows
    return int(rows["document_id"].iloc[0])


def test_a_marked_document_keeps_its_mark_and_takes_it_along(
    assay_tab, visit, read_only, first, dashboard
):
    """A mark, a tag and a note outlive a reload, are seen by another visitor who may change
    nothing, filter the selection, and come out of its exports as plain text."""
    tab = assay_tab.open("evidence", audit="ranked", document=first)
    main = tab.main()
    main.get_by_role("button", name="Accept", exact=True).click()
    main.get_by_role("button", name="Accepted").wait_for()
    tags = main.get_by_role("combobox", name="Tags")
    tags.fill("to check")
    tags.press("Enter")
    main.get_by_text("to check").first.wait_for()
    tab.settled()
    note = main.get_by_role("textbox", name="Note")
    note.fill(NOTE)
    note.press("Control+Enter")
    tab.settled()
    tab.page.reload()
    tab.settled()
    main.get_by_role("button", name="Accepted").wait_for()
    main.get_by_text("to check").first.wait_for()
    assert note.input_value() == NOTE
    other = visit(read_only.address).open("evidence", audit="ranked", document=first)
    other.shows(NOTE).shows("accepted")
    assert not other.main().get_by_role("button", name="Accept").count()
    tab.open("selection", audit="ranked", strategy="SELECT", mark="accepted")
    tab.shows("1 document")
    for kind, said in (("JSON Lines", NOTE), ("Parquet", NOTE), ("CSV", f"'{NOTE}")):
        saved = tab.export("selection", kind)
        assert saved.rows[["mark", "tags"]].to_numpy().tolist() == [["accepted", "to check"]]
        # What reads CSV here restores the text; the file itself has no formula.
        assert saved.rows["note"][0] in (said, NOTE)
        assert saved.manifest["chosen"]["annotated"] == "accepted"


def test_the_search_box_and_a_saved_view_lead_back(assay_tab):
    """Words typed in the sidebar lead to results that open; a view that was saved under a name
    opens with its settings, and is gone when it is deleted."""
    tab = assay_tab.open("selection", audit="sample", strategy="top-k", search="comet")
    sidebar = tab.page.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Save this view").click()
    tab.page.get_by_role("textbox", name="Name", exact=True).fill("Comets")
    tab.page.get_by_role("button", name="Save", exact=True).click()
    tab.page.get_by_text("Saved. The page Search lists").wait_for()
    tab.page.keyboard.press("Escape")
    box = sidebar.get_by_placeholder("Search everything")
    box.fill("sample audit")
    box.press("Enter")
    tab.page.wait_for_url("**/search?q=sample+audit")
    tab.shows("Audits").settled()
    assert tab.main().get_by_role("link", name="Sample audit").count()
    tab.main().get_by_role("link", name="Comets").click()
    tab.page.wait_for_url("**/selection?**")
    tab.settled()
    assert {
        "audit": "sample",
        "strategy": "top-k",
        "search": "comet",
    }.items() <= tab.query().items()
    tab.open("search").main().get_by_role("button", name="Delete").click()
    tab.shows("None yet.")
