"""Getting around: the sidebar, the address, Back, and what a page says of a wrong address."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.pages import opened, words
from support.paths import ROOT

from assay.cache.jobs import JobTable
from assay.pages.components.page_table import ENTRIES, PAGES, Section


def links(app):
    """Links of the sidebar, by the address of their page."""
    found = [one.proto for one in app.sidebar.get("page_link")]
    return {one.page: one for one in found}


def test_every_page_is_declared_once():
    """Each file in pages/ has a line in the table, with a name, a title and an icon of its own,
    under one of at most six questions."""
    files = {path.stem for path in (ROOT / "pages").glob("*.py")} - {"__init__"}
    assert files == set(PAGES)
    for attribute in ("name", "title", "icon"):
        assert len({getattr(entry, attribute) for entry in ENTRIES}) == len(ENTRIES)
    assert len(Section) <= 6
    assert {entry.section for entry in ENTRIES} == set(Section)


@pytest.mark.parametrize("page", ["overview", "jobs"])
def test_the_sidebar_has_the_audit_and_then_every_page(sample, page):
    """The choice of the audit stands above the pages, each of which is linked once; links to pages
    about an audit name it; only the group of the page looked at is open."""
    app = opened(page, audit="sample")
    kinds = [one.type for one in app.sidebar.children.values()]
    assert kinds[0] == "selectbox"
    found = links(app)
    assert len(found) == len(PAGES)
    for entry in PAGES.values():
        named = parse_qs(found["" if entry.name == "audits" else entry.name].query_string)
        assert named == ({"audit": ["sample"]} if entry.needs_audit else {})
    groups = [one.proto for one in app.sidebar.get("expandable")] or [
        one.proto for one in app.sidebar.expander
    ]
    assert [one.label for one in groups if one.expanded] == [PAGES[page].section]


def test_choosing_an_audit_elsewhere_opens_it(store):
    """On a page about no audit, choosing one leads to its Overview."""
    write_sample_audit(store, "first", title="The first")
    write_sample_audit(store, "second", title="The second")
    app = opened("jobs")
    assert app.title[0].value == "Jobs"
    other = "first" if app.sidebar.selectbox[0].value == "second" else "second"
    app.sidebar.selectbox[0].select(other).run()
    assert app.title[0].value == f"The {other}"
    assert app.query_params["audit"] == other


def test_back_returns_to_the_audit_before(store):
    """After another audit was chosen, going back to the first one's address shows the first."""
    write_sample_audit(store)
    write_sample_audit(store, "other", title="Another audit")
    app = opened("overview", audit="sample")
    app.sidebar.selectbox[0].select("other").run()
    assert app.title[0].value == "Another audit"
    app.query_params["audit"] = "sample"
    app.run()
    assert app.title[0].value == "Sample audit"
    assert app.query_params["audit"] == "sample"
    assert app.sidebar.selectbox[0].value == "sample"


def test_from_a_wrong_address_another_audit_can_be_chosen(sample):
    """Where the address names no audit none is chosen, and choosing one shows it."""
    app = opened("overview", audit="gone")
    assert app.sidebar.selectbox[0].value is None
    app.sidebar.selectbox[0].select("sample").run()
    assert app.title[0].value == "Sample audit"


@pytest.mark.parametrize("document", ["999999", "-1", "x", "1e3", "<b>1</b>", "9" * 400])
@pytest.mark.parametrize("page", ["evidence", "selection"])
def test_a_wrong_document_is_said_to_be_wrong(sample, page, document):
    """An address that names a document that the audit does not have says so, and shows no other's
    text."""
    app = opened(page, audit="sample", document=document)
    assert "has no document" in app.warning[0].value
    assert "0 to 399" in app.warning[0].value
    assert not app.code


@pytest.mark.usefixtures("sample")
@pytest.mark.parametrize("page", ["evidence", "selection"])
def test_a_document_of_the_audit_is_not_said_to_be_wrong(page):
    """An address that names one that exists gets no warning."""
    assert not opened(page, audit="sample", document="7").warning


def test_a_document_that_a_selection_lacks_has_a_link_to_its_card(sample):
    """Selection at a document of the audit that it did not select says that, not nothing."""
    app = opened("selection", audit="sample")
    shown = set(app.dataframe[0].value["rank"])
    assert shown
    missing = next(
        number
        for number in range(400)
        if opened("selection", audit="sample", document=str(number)).info
    )
    app = opened("selection", audit="sample", document=str(missing))
    assert f"Document {missing} is not among the rows" in app.info[0].value


def test_an_empty_store_starts_the_demo_once(store, monkeypatch):
    """The button queues the demo and then is gone, so that it is not started twice."""
    asked = []  # a worker would run the demo for minutes after this test
    monkeypatch.setattr("assay.core.jobs.start.ensure_worker", asked.append)
    app = opened("audits")
    (start,) = [one for one in app.button if one.label == "Run the demo"]
    start.click().run()
    (job,) = JobTable(store).all()
    assert job.command == ("demo", "--no-serve")
    assert [one.root for one in asked] == [store.root]
    assert "Demo" in words(app)
    assert not [one for one in app.button if one.label == "Run the demo"]


def test_nothing_starts_from_a_store_that_is_only_read(store, monkeypatch):
    """A dashboard that only reads offers commands, and no button."""
    monkeypatch.setenv("ASSAY_READ_ONLY", "1")
    app = opened("audits")
    assert not app.button
    assert "assay demo" in words(app)


def test_a_store_without_audits_still_has_its_pages(store):
    """With a decompression alone there is no audit to choose, and every page is still linked."""
    write_sample_decompression(store)
    app = opened("topics")
    assert len(links(app)) == len(PAGES)
    assert [one.label for one in app.sidebar.selectbox] == ["Decompression"]
    assert "no audits yet" in words(opened("overview"))
