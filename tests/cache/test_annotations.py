"""What people say about documents: kept beside sealed files, whoever writes, whatever breaks."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pandas as pd
import pytest
from support.audit_file import write_sample_audit
from support.paths import ROOT

from assay.cache.among import Among
from assay.cache.annotations.annotations import (
    Annotated,
    NoteChanged,
    change_tags,
    copy_annotations,
    read_annotations,
    set_mark,
    set_note,
)
from assay.cache.annotations.documents import document_annotations
from assay.cache.annotations.saved_views import delete_view, list_views, rename_view, save_view
from assay.cache.audits.map_documents import read_matching
from assay.cache.audits.read import SelectionFilter, read_document, read_selection
from assay.cache.deletions import deletions
from assay.cache.export import annotated_documents, annotated_selection, to_bytes
from assay.cache.files.sealed import delete_audit
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.annotations import (
    MOST_TAGS,
    NOTE_LENGTH,
    TAG_LENGTH,
    Annotation,
    AnnotationFilter,
    Mark,
    Marked,
    SavedView,
)
from assay.core.specs.strategies import Strategy

ABOUT = Annotated.audit("sample")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def path(store):
    return write_sample_audit(store)


def digest(path, number):
    return read_document(path, number)["text_hash"]


def test_what_is_said_is_read_again_and_can_be_taken_back(store):
    """Mark, tags and note are kept for one file and one item, and nothing is left of what was
    withdrawn."""
    set_mark(store, ABOUT, "a", Mark.ACCEPTED)
    change_tags(store, ABOUT, "a", ["to do", "law"])
    set_note(store, ABOUT, "a", "  see page 3\r\nand 4 ")
    set_mark(store, ABOUT, "b", Mark.REJECTED)
    said = Annotation(Mark.ACCEPTED, ("law", "to do"), "see page 3\nand 4")
    assert read_annotations(store, ABOUT) == {"a": said, "b": Annotation(Mark.REJECTED)}
    assert read_annotations(store, Annotated.audit("other")) == {}
    assert read_annotations(store, Annotated.decompression("sample")) == {}
    set_mark(store, ABOUT, "a", None)
    set_note(store, ABOUT, "a", "", seen=said.note)
    change_tags(store, ABOUT, "a", removed=["law", "to do"])
    assert read_annotations(store, ABOUT) == {"b": Annotation(Mark.REJECTED)}


def test_the_file_is_for_its_owner_alone(store):
    """Nobody else can read what was written, not even in a folder that others may enter."""
    set_note(store, ABOUT, "a", "private")
    store.root.chmod(0o755)
    for file in store.root.glob("annotations*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("tag", ["", " ", "a,b", "x" * (TAG_LENGTH + 1), "\x07"])
def test_a_tag_that_is_none_is_refused(store, tag):
    """Empty or long tags, and those that an export could not part, change nothing."""
    with pytest.raises(InputError, match="a tag of"):
        change_tags(store, ABOUT, "a", ["good", tag])
    assert read_annotations(store, ABOUT) == {}


def test_notes_and_tags_are_bounded(store):
    """A note may be as long as said and no longer, and an item has so many tags and no more."""
    set_note(store, ABOUT, "a", "x" * NOTE_LENGTH)
    with pytest.raises(InputError, match="a note of"):
        set_note(store, ABOUT, "b", "x" * (NOTE_LENGTH + 1))
    change_tags(store, ABOUT, "a", [f"tag {number}" for number in range(MOST_TAGS)])
    with pytest.raises(InputError, match="tags"):
        change_tags(store, ABOUT, "a", ["one more"])
    assert len(read_annotations(store, ABOUT)["a"].tags) == MOST_TAGS


def test_of_two_tabs_that_write_neither_loses_anything(store):
    """Mark and tags of one tab stand beside those of another; of two notes the later writer is told
    and the first note stays."""
    set_mark(store, ABOUT, "a", Mark.ACCEPTED)
    change_tags(store, ABOUT, "a", ["first"])
    change_tags(store, ABOUT, "a", ["second"], removed=["never there"])
    set_note(store, ABOUT, "a", "of the first tab", seen="")
    with pytest.raises(NoteChanged):
        set_note(store, ABOUT, "a", "of the second tab", seen="")
    said = read_annotations(store, ABOUT)["a"]
    assert said == Annotation(Mark.ACCEPTED, ("first", "second"), "of the first tab")
    set_note(store, ABOUT, "a", "of both", seen="of the first tab")
    assert read_annotations(store, ABOUT)["a"].note == "of both"


_WRITER = """
import sys
from assay.cache.annotations.annotations import Annotated, change_tags, set_mark
from assay.cache.store import Store
from assay.core.specs.annotations import Mark
store, about, own = Store.default(), Annotated.audit("sample"), sys.argv[1]
for number in range(15):
    set_mark(store, about, f"{own}-{number}", Mark.ACCEPTED)
    change_tags(store, about, "shared", [f"{own}-{number}"][:number < 5])
"""


def test_processes_that_write_at_once_lose_nothing(store):
    """Three processes and two threads that begin on an empty store have all their marks in it."""
    command = [sys.executable, "-c", _WRITER]
    environment = {"ASSAY_HOME": str(store.root), "PATH": "", "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([*command, name], cwd=ROOT, env=environment) for name in ("p", "q", "r")
    ]

    def write(own):
        for number in range(15):
            set_mark(store, ABOUT, f"{own}-{number}", Mark.REJECTED)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(write, ("s", "t")))
    assert [process.wait() for process in running] == [0, 0, 0]
    said = read_annotations(store, ABOUT)
    assert len(said) == 5 * 15 + 1
    assert len(said["shared"].tags) == 15


def test_reviews_of_before_are_marks(store):
    """Reviews of an older version are read as marks at once, and are taken over and removed when
    something is written; a mark that was set since wins."""
    earlier = store.decompressions / "reviews.sqlite"
    with closing(sqlite3.connect(earlier)) as connection, connection:
        connection.execute(
            "CREATE TABLE reviews (decompression_id TEXT, example_id INTEGER, verdict TEXT, "
            "decided_at REAL)"
        )
        rows = [("one", 1, "accepted", 0.0), ("one", 2, "rejected", 0.0)]
        connection.executemany("INSERT INTO reviews VALUES (?, ?, ?, ?)", rows)
    about = Annotated.decompression("one")
    expected = {"1": Annotation(Mark.ACCEPTED), "2": Annotation(Mark.REJECTED)}
    for how in (store, Store.to_read(store.root)):
        assert read_annotations(how, about) == expected
    assert earlier.exists()
    set_mark(store, about, "2", Mark.ACCEPTED)
    assert not earlier.exists()
    assert read_annotations(store, about) == expected | {"2": Annotation(Mark.ACCEPTED)}


def test_a_sealed_file_keeps_its_bytes(store, path):
    """Whatever is said about its documents, an audit file does not change."""
    before = path.read_bytes()
    set_mark(store, ABOUT, digest(path, 3), Mark.ACCEPTED)
    set_note(store, ABOUT, digest(path, 3), "a note")
    assert document_annotations(store, path) == {3: Annotation(Mark.ACCEPTED, (), "a note")}
    assert path.read_bytes() == before


def test_a_document_that_an_audit_lacks_is_passed_over(store, path):
    """Something said about a text that this audit does not hold takes nothing down."""
    set_mark(store, ABOUT, "0" * 32, Mark.ACCEPTED)
    assert document_annotations(store, path) == {}
    assert annotated_documents(store, path).empty


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (AnnotationFilter(Marked.ACCEPTED), {1, 2}),
        (AnnotationFilter(Marked.REJECTED), {3}),
        (AnnotationFilter(Marked.NEITHER), None),
        (AnnotationFilter(tags=("law",)), {2, 4}),
        (AnnotationFilter(tags=("law", "art")), {2, 3, 4}),
        (AnnotationFilter(Marked.ACCEPTED, ("law",)), {2}),
        (AnnotationFilter(Marked.NEITHER, ("law",)), {4}),
    ],
)
def test_filters_leave_what_they_say(store, path, wanted, expected):
    """Marks and tags filter documents, alone and together; so does having no mark."""
    for number, mark, tags in (
        (1, Mark.ACCEPTED, ()),
        (2, Mark.ACCEPTED, ("law",)),
        (3, Mark.REJECTED, ("art",)),
        (4, None, ("law",)),
    ):
        set_mark(store, ABOUT, digest(path, number), mark)
        change_tags(store, ABOUT, digest(path, number), tags)
    among = Among.annotated(wanted, document_annotations(store, path))
    found = set(read_matching(path, SelectionFilter(among=among), None).tolist())
    assert found == (set(range(400)) - {1, 2, 3} if expected is None else expected)


def test_no_filter_is_no_condition(store, path):
    """Without a mark or tag every document is shown, annotated or not."""
    assert Among.annotated(AnnotationFilter(), {1: Annotation(Mark.ACCEPTED)}) is None


def test_exports_hold_what_was_said_as_plain_text(store, path):
    """Columns mark, tags and note come out in every format; in CSV no spreadsheet finds a formula
    in them."""
    first = read_selection(path, Strategy.SELECT, SelectionFilter(), 1).rows.iloc[0]
    set_mark(store, ABOUT, first["text_hash"], Mark.REJECTED)
    change_tags(store, ABOUT, first["text_hash"], ["=1+1", "b"])
    set_note(store, ABOUT, first["text_hash"], "<b>@SUM(A1)</b>\n=2+2")
    frame = annotated_selection(store, path, Strategy.SELECT)
    assert frame[["mark", "tags", "note"]].iloc[0].tolist() == [
        "rejected",
        "=1+1, b",
        "<b>@SUM(A1)</b>\n=2+2",
    ]
    assert set(frame["mark"][1:]) == {""}
    lines = pd.read_json(io.BytesIO(to_bytes(frame, "jsonl")), lines=True)
    assert lines["note"][0] == "<b>@SUM(A1)</b>\n=2+2"
    table = pd.read_csv(io.BytesIO(to_bytes(frame, "csv")))
    assert table["tags"][0] == "'=1+1, b"
    assert table["note"][0] == "<b>@SUM(A1)</b>\n'=2+2"


def test_all_marked_documents_can_be_exported(path, assay, store, tmp_path, monkeypatch):
    """`assay export --marked` writes every annotated document, selected or not; without any it
    says so."""
    monkeypatch.setenv("ASSAY_HOME", str(store.root))
    chosen = set(read_selection(path, Strategy.SELECT, SelectionFilter(), 400).rows["document_id"])
    outside = next(number for number in range(400) if number not in chosen)
    out = tmp_path / "marked.csv"
    assert assay("export", "sample", "--marked", "--out", out).status == 2
    set_mark(store, ABOUT, digest(path, outside), Mark.ACCEPTED)
    result = assay("export", "sample", "--marked", "--out", out, "--json")
    assert json.loads(result.out)["n_rows"] == 1
    row = pd.read_csv(out).iloc[0]
    assert (row["document_id"], row["mark"]) == (outside, "accepted")


@pytest.mark.parametrize("with_annotations", [True, False])
def test_deleting_an_audit_keeps_or_deletes_what_was_said(store, path, with_annotations):
    """Marks outlive the file unless they are to go, and the journal says which; an audit that is
    made again has its own back."""
    set_mark(store, ABOUT, digest(path, 3), Mark.ACCEPTED)
    delete_audit(store, "sample", with_annotations)
    (line,) = deletions(store.root)
    assert (line["n_annotated"], line["with_annotations"]) == (1, with_annotations)
    again = write_sample_audit(store)
    assert document_annotations(store, again) == (
        {} if with_annotations else {3: Annotation(Mark.ACCEPTED)}
    )


def test_a_copy_keeps_what_it_has(store):
    """Copied annotations fill gaps and replace nothing."""
    other = Annotated.audit("other")
    set_mark(store, ABOUT, "a", Mark.ACCEPTED)
    set_note(store, ABOUT, "b", "of the source")
    set_mark(store, other, "a", Mark.REJECTED)
    copy_annotations(store, ABOUT, other)
    assert read_annotations(store, other) == {
        "a": Annotation(Mark.REJECTED),
        "b": Annotation(note="of the source"),
    }


def test_views_are_saved_renamed_and_deleted(store):
    """A view keeps its page and parameters, repeated ones too; names are unique."""
    view = SavedView.checked(" my  view ", "map", "audit=sample&labels=a&labels=b&search=%3D1")
    assert view.name == "my view"
    save_view(store, view)
    assert list_views(store) == [view]
    with pytest.raises(InputError, match="no saved view has"):
        save_view(store, view)
    save_view(store, SavedView.checked("Another", "overview", ""))
    with pytest.raises(InputError, match="no saved view has"):
        rename_view(store, "my view", "Another")
    rename_view(store, "my view", "Mine")
    assert [one.name for one in list_views(store)] == ["Another", "Mine"]
    delete_view(store, "Another")
    assert [one.query for one in list_views(store)] == [view.query]


@pytest.mark.parametrize("page", ["https://x.example", "//x.example", "../x", "map?x", "Map", ""])
def test_a_view_is_a_page_of_this_dashboard(store, page):
    """An address of anything else is refused, and one that lies in the file is not offered."""
    with pytest.raises(InputError, match="a page of this dashboard"):
        SavedView.checked("name", page, "")
    save_view(store, SavedView("name", page, ()))
    assert list_views(store) == []
