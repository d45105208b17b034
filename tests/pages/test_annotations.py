"""Marking documents and finding them again, through Streamlit's own test runner."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import pytest
from support.audit_file import HOSTILE, write_sample_audit
from support.compared_audits import FIRST, write_compared
from support.decompression_file import write_sample_decompression
from support.pages import opened, words
from support.suspect_record import write_sample_suspects

from assay.cache.annotations.annotations import (
    Annotated,
    change_tags,
    read_annotations,
    set_mark,
    set_note,
)
from assay.cache.annotations.saved_views import list_views, save_view
from assay.cache.audits.evidence import evidence_of
from assay.cache.audits.model_pair import delete_suspect_test
from assay.cache.audits.read import SelectionFilter, read_document, read_selection
from assay.cache.jobs import JobState, JobTable
from assay.cache.store import READ_ONLY_VARIABLE, ReadOnlyStore, Store
from assay.core.findings.answers.audit_answers import audit_answers
from assay.core.specs.annotations import Annotation, Mark, SavedView
from assay.core.specs.strategies import Strategy
from assay.pages.components.decompression import examples
from assay.pages.components.escaping import markdown_safe

ABOUT = Annotated.audit("sample")


@pytest.fixture
def path(store):
    return write_sample_audit(store)


def digest(path, number):
    return read_document(path, number)["text_hash"]


def button(app, label):
    (found,) = [one for one in app.button if one.label == label]
    return found


def tag_box(app):
    (found,) = [one for one in app.multiselect if one.key.startswith("tags audit")]
    return found


@pytest.mark.parametrize("page", ["evidence", "map", "selection"])
def test_a_document_is_marked_where_it_is_shown(store, path, page):
    """On each page that shows a whole document it can be accepted, tagged and noted; another visit
    shows all of it, and a second press takes the mark back."""
    first = int(
        read_selection(path, Strategy.SELECT, SelectionFilter(), 1).rows["document_id"].iloc[0]
    )
    view = {"audit": "sample", "document": str(first), "strategy": "SELECT"}
    app = opened(page, **view)
    button(app, "Accept").click().run()
    tag_box(app).set_value(["law", "to do"]).run()
    app.text_area[0].set_value("see page 3").run()
    assert not app.exception
    said = Annotation(Mark.ACCEPTED, ("law", "to do"), "see page 3")
    assert read_annotations(store, ABOUT) == {digest(path, first): said}
    again = opened(page, **view)
    assert again.text_area[0].value == "see page 3"
    assert tag_box(again).value == ["law", "to do"]
    button(again, "Accepted").click().run()
    assert read_annotations(store, ABOUT)[digest(path, first)].mark is None


def test_a_note_that_was_changed_meanwhile_is_not_overwritten(store, path):
    """Who writes over another's note is told and gets the typed text back; the note stays."""
    app = opened("evidence", audit="sample", document="7")
    set_note(store, ABOUT, digest(path, 7), "of somebody else")
    app.text_area[0].set_value("mine").run()
    assert "changed meanwhile" in app.warning[0].value
    assert "mine" in [element.value for element in app.code]
    assert app.text_area[0].value == "of somebody else"
    assert read_annotations(store, ABOUT)[digest(path, 7)].note == "of somebody else"


def test_a_tag_with_a_comma_is_refused_with_a_sentence(store, path):
    """What cannot be kept is said where it was typed."""
    app = opened("evidence", audit="sample", document="7")
    tag_box(app).set_value(["a,b"]).run()
    assert "without a comma" in app.warning[0].value.replace("\\", "")
    assert read_annotations(store, ABOUT) == {}


def test_marks_stand_in_tables_and_filter_them(store, path):
    """A marked document has its mark in the selection's table, and filters leave what they say."""
    rows = read_selection(path, Strategy.SELECT, SelectionFilter(), 60).rows
    assert "mark" not in opened("selection", audit="sample", strategy="SELECT").dataframe[0].value
    set_mark(store, ABOUT, rows["text_hash"].iloc[3], Mark.ACCEPTED)
    change_tags(store, ABOUT, rows["text_hash"].iloc[4], ["law"])
    table = opened("selection", audit="sample", strategy="SELECT").dataframe[0].value
    assert table["mark"].tolist() == ["", "", "", "accepted", *[""] * 56]
    assert table["tags"].iloc[4] == "law"
    for query, expected in (({"mark": "accepted"}, 3), ({"tags": "law"}, 4)):
        left = opened("selection", audit="sample", strategy="SELECT", **query).dataframe[0].value
        assert left["text"].tolist() == [rows["text"].iloc[expected]]
    others = (
        opened("selection", audit="sample", strategy="SELECT", mark="not marked").dataframe[0].value
    )
    assert len(others) == 59
    assert "No document" in words(opened("selection", audit="sample", tags="gone"))


def test_compare_shows_what_was_said_in_each_audit(store):
    """Marks and tags of all compared audits stand in the table, with the audit where they differ,
    and filter it; the open document can be marked."""
    paths = write_compared(store, *FIRST), write_compared(store, "second", budget=30)
    first, second = (Annotated.audit(path.stem) for path in paths)
    rows = read_selection(paths[1], Strategy.SELECT, SelectionFilter(), 30).rows
    texts, hashes = rows["text"].tolist(), rows["text_hash"].tolist()
    query = {"audits": "sample,second", "strategy": "SELECT"}
    assert "mark" not in compared(opened("compare", **query)).columns
    set_mark(store, first, hashes[0], Mark.ACCEPTED)
    set_mark(store, second, hashes[0], Mark.REJECTED)
    change_tags(store, second, hashes[1], ["law"])
    table = compared(opened("compare", **query)).set_index("text")
    assert table.loc[texts[0], "mark"] == "accepted in A, rejected in B"
    assert table.loc[texts[1], "tags"] == "law"
    for more, left in (({"mark": "rejected"}, texts[0]), ({"tags": "law"}, texts[1])):
        assert compared(opened("compare", **query, **more))["text"].tolist() == [left]
    assert len(compared(opened("compare", **query, mark="not marked"))) == len(table) - 1
    app = opened("compare", **query, document=str(rows["document_id"].iloc[2]))
    assert "are those in A" in words(app)
    button(app, "Accept").click().run()
    assert read_annotations(store, first)[hashes[2]].mark is Mark.ACCEPTED
    assert hashes[2] not in read_annotations(store, second)


def compared(app):
    (table,) = [one.value for one in app.dataframe if "selected by" in one.value]
    return table


def test_a_suspect_tests_documents_are_marked(store):
    """A document that the address names can be accepted, tagged and noted, which the table then
    shows; a wrong one is said, and a deleted test keeps or drops what was said as one chooses."""
    record = write_sample_suspects(store)
    about, digest = Annotated.suspect_test(record.test_id), record.documents.controls[5]
    app = opened("suspects", test=record.test_id, document=digest)
    assert "one of the controls" in words(app)
    button(app, "Reject").click().run()
    app.text_area[0].set_value("who wrote this?").run()
    assert read_annotations(store, about) == {
        digest: Annotation(Mark.REJECTED, (), "who wrote this?")
    }
    (table,) = [
        one.value
        for one in opened("suspects", test=record.test_id).dataframe
        if "hash" in one.value
    ]
    assert table.set_index("hash")["mark"].to_dict()[digest] == "rejected"
    assert (table["mark"] != "").sum() == 1
    assert "has no document" in words(opened("suspects", test=record.test_id, document="x"))
    delete_suspect_test(store, record.test_id)
    assert read_annotations(store, about)
    write_sample_suspects(store)
    delete_suspect_test(store, record.test_id, with_annotations=True)
    assert not store.suspect_tests.all()
    assert read_annotations(store, about) == {}


def test_a_search_leads_to_the_example_that_was_noted(store):
    """The address that Search gives for a noted example opens that example, on whichever page of
    the table it stands."""
    write_sample_decompression(store, "spoken")
    set_note(store, Annotated.decompression("spoken"), "2", "Look again")
    (table,) = [one.value for one in opened("search", q="look").dataframe]
    assert table["about"].tolist() == ["/examples?decompression=spoken&example=2"]
    assert table["in"].str.startswith("decompression: ").all()
    for per_page in (100, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(examples, "ROWS_PER_PAGE", per_page)
            app = opened("examples", decompression="spoken", example="2")
        assert "Look again" in [one.value for one in app.text_area]


def test_the_map_lists_marked_documents_that_were_not_selected(store, path):
    """The filter on the map is over the whole seed corpus."""
    chosen = set(read_selection(path, Strategy.SELECT, SelectionFilter(), 400).rows["document_id"])
    outside = next(number for number in range(400) if number not in chosen)
    set_mark(store, ABOUT, digest(path, outside), Mark.REJECTED)
    app = opened("map", audit="sample", strategy="SELECT", mark="rejected")
    assert "1 documents" in words(app)
    assert app.dataframe[0].value["mark"].tolist() == ["rejected"]


def test_what_people_write_is_never_rendered(store, path):
    """A tag and a note full of markup reach no element that renders it, whoever may change it."""
    set_note(store, ABOUT, digest(path, 7), HOSTILE)
    change_tags(store, ABOUT, digest(path, 7), ["**b** <i>x</i>"])
    for how in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if how:
                patch.setenv(READ_ONLY_VARIABLE, "1")
            app = opened("evidence", audit="sample", document="7")
        for kind in ("markdown", "caption", "title", "subheader", "info", "warning"):
            for element in app.get(kind):
                assert "](javascript" not in element.value.replace("\\", "·")
                assert "<script>" not in element.value
                assert "**b**" not in element.value
                assert "<i>" not in element.value


def test_a_read_only_dashboard_shows_marks_and_changes_none(store, path, monkeypatch):
    """Marks, tags and notes are shown without a way to change them, and a press on a button of
    before is refused."""
    set_mark(store, ABOUT, digest(path, 7), Mark.ACCEPTED)
    set_note(store, ABOUT, digest(path, 7), "a note")
    app = opened("evidence", audit="sample", document="7")
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    button(app, "Accepted").click().run()
    assert read_annotations(store, ABOUT)[digest(path, 7)].mark is Mark.ACCEPTED
    app = opened("evidence", audit="sample", document="7")
    assert "a note" in [element.value for element in app.text]
    assert "accepted" in words(app)
    assert not app.text_area
    assert "Accepted" not in [one.label for one in app.button]
    with pytest.raises(ReadOnlyStore):
        set_mark(Store.default(), ABOUT, digest(path, 7), None)


def test_deleting_an_audit_says_what_happens_to_its_marks(store, path):
    """The dialog counts the marked documents and keeps their marks unless they are to go."""
    set_mark(store, ABOUT, digest(path, 7), Mark.ACCEPTED)
    app = opened("audits")
    app.button(key="delete-sample").click().run()
    assert "1 of its documents" in words(app)
    assert not app.checkbox[0].value


def test_the_list_of_audits_says_what_each_found_and_can_be_searched(store):
    """Answer and state of each audit, damaged and failed ones too; search, filter and order are in
    the address, and a failed job that was repeated with success is gone."""
    write_sample_audit(store, title="The first")
    write_sample_audit(store, "second", n_documents=120, title="Another")
    (store.audits / "broken.duckdb").write_bytes(b"x" * 5000)
    jobs = JobTable(store)
    for title, command, states in (
        ("gave up", ["audit", "--base", "x"], [JobState.FAILED]),
        ("came round", ["audit", "--base", "y"], [JobState.FAILED, JobState.DONE]),
        ("no audit", ["echo", "z"], [JobState.FAILED]),
    ):
        for state in states:
            number = jobs.begin(command, title)
            jobs.finish(number, state, "why not" if state is JobState.FAILED else None)
    said = words(opened("audits")).replace("\\", "")
    for part in ("The first", "Another", "broken", "gave up", "why not", "finished", "damaged"):
        assert part in said
    assert "came round" not in said
    assert "no audit" not in said
    lead = audit_answers(evidence_of(store, store.audits / "sample.duckdb")).lead
    assert lead.headline in said

    def titles(**query):
        bold = re.findall(r"\*\*(.+?)\*\*", words(opened("audits", **query)).replace("\\", ""))
        return [one for one in bold if one in ("The first", "Another", "broken", "gave up")]

    assert titles(search="first pool") == ["The first"]
    assert titles(state="damaged") == ["broken"]
    assert titles(state="failed") == ["gave up"]
    assert titles(state="finished", sort="title") == ["Another", "The first"]
    assert titles(state="finished", sort="most documents") == ["The first", "Another"]
    assert "No audit matches" in words(opened("audits", search="nothing like it"))


def test_search_results_lead_to_their_pages(store, path, monkeypatch):
    """Audits, documents, notes and topics are grouped, and each names the page it opens."""
    monkeypatch.setattr("assay.cache.search.SEARCH_S", 300.0)  # however slow the machine is
    set_note(store, ABOUT, digest(path, 7), "about telescopes")
    write_sample_decompression(store)
    app = opened("search", q="telescope")
    assert [one.value for one in app.subheader] == ["Documents", "Notes and tags", "Saved views"]
    assert "There are more than these: “on the map” shows all of an audit." in words(app)
    documents, notes = (one.value for one in app.dataframe)
    assert documents["text"].str.contains("telescope").all()
    assert set(documents["evidence"].str.rsplit("=", n=1).str[0]) == {
        "/evidence?audit=sample&document"
    }
    assert notes["about"].tolist() == ["/evidence?audit=sample&document=7"]
    app = opened("search", q="violin")
    assert [one.value for one in app.subheader] == ["Topics", "Saved views"]
    assert "side by side" in words(opened("search", q="zzz not there"))
    assert "Nothing in this store contains this." in words(opened("search", q="zzz"))
    assert "characters to search for" in words(opened("search", q="z"))


def test_a_view_is_saved_from_the_sidebar_and_listed(store, path):
    """The form keeps the page with its parameters; a second view of that name is refused, and a
    name full of markup is letters."""
    app = opened("selection", audit="sample", strategy="top-k", search="comet")
    for _ in range(2):
        app.text_input(key="name of the view").set_value("<b>*mine*</b>")
        button(app, "Save").click().run()
        assert not app.exception
    assert "no saved view has" in app.warning[0].value
    (view,) = list_views(store)
    assert view.page == "selection"
    assert {("audit", "sample"), ("strategy", "top-k"), ("search", "comet")} <= set(view.query)
    app = opened("search")
    (link,) = [one.proto for one in app.get("page_link") if "mine" in one.proto.label]
    assert link.label == markdown_safe("<b>*mine*</b>")
    assert dict(parse_qsl(link.query_string))["search"] == "comet"
    app.text_input(key=f"new name of {view.name}").set_value("other")
    app.button(key=f"confirm {view.name}").click().run()
    assert [one.name for one in list_views(store)] == ["other"]
    app.button(key="delete view other").click().run()
    assert list_views(store) == []


def test_a_read_only_dashboard_saves_no_view(store, path, monkeypatch):
    """Saved views can be opened, and neither saved nor deleted; where there is none, nobody is sent
    to a button that is not there."""
    how = "Save this view"
    assert how in words(opened("search"))
    with monkeypatch.context() as patched:
        patched.setenv(READ_ONLY_VARIABLE, "1")
        said = words(opened("search"))
    assert "None yet." in said
    assert how not in said
    save_view(store, SavedView.checked("mine", "map", "audit=sample"))
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    app = opened("search")
    assert any("mine" in one.proto.label for one in app.get("page_link"))
    assert not app.button
    assert "Save" not in [one.label for one in opened("map", audit="sample").button]
