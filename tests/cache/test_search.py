"""Searching the whole store: what is found, in which order, and what is left out and said."""

from __future__ import annotations

import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.suspect_record import write_sample_suspects

from assay.cache.annotations.annotations import Annotated, change_tags, set_note
from assay.cache.audits.read import audit_path, read_document
from assay.cache.search import LONGEST, MOST_ROWS, ROWS_PER_FILE, search_store
from assay.cache.store import Store
from assay.core.errors import InputError


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr("assay.cache.search.SEARCH_S", 300.0)  # however slow the machine is
    store = Store.default()
    write_sample_audit(store)
    write_sample_audit(store, "second", n_documents=120, title="The other one")
    return store


def test_audits_are_found_by_title_model_and_corpus(store):
    """Every word must be in an audit's title, name, models or corpora."""
    for words, expected in (
        ("OTHER one", ["second"]),
        ("pool sample", ["sample"]),
        ("final pool", ["sample", "second"]),
        ("sample other", []),
    ):
        assert sorted(one.audit_id for one in search_store(store, words).audits.rows) == expected


def test_documents_are_found_by_their_text(store):
    """A text is found in any case, once, with its audit, its number and the words in view."""
    text = read_document(audit_path(store, "second"), 7)["text"]
    found = search_store(store, text.upper()[:-1]).documents
    (row,) = found.rows
    assert (row.audit_id, row.document_id, row.audit_title) == ("second", 7, "The other one")
    assert row.text == text
    assert not found.is_cut
    assert not found.n_unsearched


def test_long_results_are_cut_and_say_so(store):
    """Of each audit a few documents are shown, and that there are more."""
    found = search_store(store, "market").documents
    assert len(found.rows) == 2 * ROWS_PER_FILE <= MOST_ROWS
    assert found.is_cut
    assert {row.audit_id for row in found.rows} == {"sample", "second"}
    assert all("market" in row.text for row in found.rows)


def test_the_words_are_in_view_far_inside_a_text(store):
    """Of a long document the place with the words is shown, not its beginning."""
    write_sample_audit(store, "long", hostile_rank=3)
    (row,) = search_store(store, "127.0.0.1/x.png").documents.rows
    assert "127.0.0.1/x.png" in row.text
    assert not row.text.startswith("<script>")


def test_a_search_whose_time_is_over_says_what_it_did_not_search(store):
    """Without time only the first file is searched, and the others are counted as not searched."""
    found = search_store(store, "market", limit_s=0)
    assert len({row.audit_id for row in found.documents.rows}) == 1
    assert found.documents.n_unsearched == 1


def test_a_damaged_audit_does_not_stop_the_search(store):
    """What lies in the other files is found."""
    (store.audits / "broken.duckdb").write_bytes(b"x" * 5000)
    assert search_store(store, "market").documents.rows


def test_notes_and_tags_are_found(store):
    """A note or tag leads to its document, in any case and alphabet."""
    about, path = Annotated.audit("sample"), audit_path(store, "sample")
    set_note(store, about, read_document(path, 3)["text_hash"], "Über Verträge, siehe Akte")
    change_tags(store, about, read_document(path, 4)["text_hash"], ["VERTRÄGE"])
    rows = search_store(store, "verträge").notes.rows
    assert {(row.about, row.item) for row in rows} == {(about, "3"), (about, "4")}


def test_notes_of_examples_and_suspects_are_found(store):
    """What was said of an example or of a suspect test's document leads there, the last said first;
    what was said of a result that is gone does not."""
    write_sample_decompression(store, "spoken")
    record = write_sample_suspects(store, title="Mine")
    digest = record.documents.suspects[2]
    told = [
        (Annotated.audit("gone"), digest),
        (Annotated.decompression("gone"), "1"),
        (Annotated.suspect_test("suspect-00000000000f"), digest),
        (Annotated.decompression("spoken"), "1"),
        (Annotated.suspect_test(record.test_id), digest),
    ]
    for about, item in told:
        set_note(store, about, item, "Look again")
    rows = search_store(store, "LOOK").notes.rows
    assert [(row.about, row.item) for row in rows] == told[:2:-1]
    assert rows[0].title == "Mine"


def test_topics_are_found_by_name(store):
    """A topic leads to its decompression; the root, which has no name of its own, is none."""
    write_sample_decompression(store, "spoken")
    (row,) = search_store(store, "VIOLIN").topics.rows
    assert (row.decompression_id, row.name, row.topic_id) == ("spoken", "violin making", 3)


@pytest.mark.parametrize("words", ["", " a ", "x" * (LONGEST + 1)])
def test_too_few_or_many_letters_are_refused(store, words):
    """One letter is in every text, and a page is no question."""
    with pytest.raises(InputError, match="characters to search for"):
        search_store(store, words)


@pytest.mark.parametrize("words", ["50%", "a_b", "' OR 1=1 --", '"; DROP TABLE documents'])
def test_words_are_never_part_of_a_query(store, words):
    """Signs that queries use are letters like others."""
    found = search_store(store, words)
    assert found.documents.rows == []
    assert found.audits.rows == []
