"""Finished audits as a notebook reads them: from the store, from a file, and safely shown."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
from support.audit_file import HOSTILE, write_sample_audit

import assay as library
from assay.cache.audits.evidence import evidence_of
from assay.cache.audits.read import read_facts
from assay.cache.store import Store
from assay.core.findings.answers.audit_answers import audit_answers, audit_finding
from assay.core.specs.strategies import Strategy

NOT_ASSESSABLE = {"verdict": "not assessable", "reasons": ["The head never moved."], "hints": []}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two audits: one with hostile texts everywhere, one of a pair that cannot be assessed."""
    store = Store(tmp_path_factory.mktemp("home"))
    write_sample_audit(store, hostile_rank=5, title=HOSTILE)
    write_sample_audit(store, "nothing", assessment=NOT_ASSESSABLE, title="Nothing")
    return store


@pytest.fixture
def audit(store):
    return library.open_audit("sample", store=store.root)


def test_an_audit_says_what_its_page_says(audit):
    """Finding and answers are those of the page Overview, made from the audit's own tables."""
    evidence = evidence_of(audit.store, audit.path)
    assert audit.finding == audit_finding(evidence)
    assert audit.answers == audit_answers(evidence).answers
    assert audit.finding.headline == audit.answers[0].headline
    assert audit.assessability == "assessable"
    assert audit.spec.budget == 60
    assert audit.caveats == tuple(read_facts(audit.path).meta.caveats)
    assert audit.reasons
    assert audit.provenance["command"].startswith("assay ")


def test_nothing_scored_is_never_nothing_found(store):
    """An audit that could not be made says so, with the reasons, and not that nothing leaks."""
    nothing = library.open_audit("nothing", store=store.root)
    assert nothing.finding.headline.startswith("No documents were scored")
    assert nothing.finding.sentences == ("The head never moved.",)
    assert "not assessable" in repr(nothing)


def test_tables_are_whole_and_a_reader_s_own(audit):
    """Documents come in order and in part; changing a table changes no later one."""
    documents = audit.documents(first=10, n=5)
    assert documents["document_id"].tolist() == [10, 11, 12, 13, 14]
    assert set(documents["pseudolabel"]) <= {"business", "science & tech", "sport", "world"}
    assert len(audit.documents(first=395)) == 5
    selection = audit.selection("top-k")
    assert selection["rank"].tolist() == list(range(1, 61))
    selection["rank"] = 0
    assert audit.selection(library.Strategy.TOP_K)["rank"].tolist() == list(range(1, 61))


@pytest.mark.parametrize("first_and_n", [(-1, 5), (0, 0)])
def test_documents_that_cannot_be_are_refused(audit, first_and_n):
    """A negative start or no documents at all is bad input."""
    with pytest.raises(library.InputError, match="first of at least 0"):
        audit.documents(*first_and_n)


def test_a_strategy_that_did_not_run_is_named_with_those_that_did(audit):
    """An unknown strategy is bad input that lists the known ones."""
    with pytest.raises(library.InputError, match=r"random, .*'vanish'"):
        audit.selection("vanish")


def test_shown_in_a_notebook_every_text_is_escaped(audit):
    """The HTML holds no element but ours, and no mathematics, whatever the title says."""
    page = audit._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<b>big" not in page
    assert "tex2jax_ignore" in page.partition(">")[0]
    assert audit.finding.headline.replace("'", "&#x27;") in page
    assert "SELECT" in page
    assert audit.id in repr(audit)
    assert audit.finding.headline in repr(audit)


def test_a_file_from_elsewhere_is_read_and_reported(audit, store, tmp_path):
    """A mailed file under any name opens, reports and exports as the one in the store does."""
    mailed = shutil.copy(audit.path, tmp_path / "Mailed (1).duckdb")
    other = library.open_audit(mailed, store=tmp_path / "empty")
    pd.testing.assert_frame_equal(other.metrics, audit.metrics)
    page = other.report(tmp_path / "audit.html").read_text()
    assert audit.finding.headline.replace("'", "&#39;") in page
    out = other.export(str(tmp_path / "selection.csv"), "random")
    assert len(pd.read_csv(out)) == 60
    (tmp_path / "notes.html").write_text("mine")
    with pytest.raises(library.InputError, match="Assay"):
        other.report(tmp_path / "notes.html")
    assert (tmp_path / "notes.html").read_text() == "mine"


def test_what_is_no_audit_is_refused(store, tmp_path):
    """A file that is not there, is no database, or is another's table is bad input."""
    import duckdb

    with pytest.raises(library.InputError, match="does not exist"):
        library.open_audit(tmp_path / "gone.duckdb")
    with pytest.raises(library.InputError, match="id of an audit"):
        library.open_audit("gone", store=store.root)
    (tmp_path / "text.duckdb").write_text("no database")
    with pytest.raises(library.InputError, match="this version can read"):
        library.open_audit(tmp_path / "text.duckdb")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE meta (key VARCHAR, value JSON)")
        connection.execute("CREATE TABLE stages (name VARCHAR, position INT, duration_s DOUBLE)")
        connection.execute("CREATE TABLE model_facts (model VARCHAR, fact VARCHAR, value JSON)")
    with pytest.raises(library.InputError, match="not those of an Assay file"):
        library.open_audit(tmp_path / "other.duckdb")


def test_the_list_has_every_audit(store, tmp_path):
    """All audits are listed, one that cannot be read with its problem; an empty store is empty."""
    broken = store.audits / "broken.duckdb"
    broken.write_text("no database")
    listed = library.list_audits(store=store.root).set_index("audit_id")
    broken.unlink()
    assert set(listed.index) == {"sample", "nothing", "broken"}
    assert listed["problem"].notna().tolist() == [name == "broken" for name in listed.index]
    assert listed.loc["nothing", "assessability"] == "not assessable"
    assert library.list_audits(store=tmp_path / "empty").empty


def test_gradients_that_were_not_kept_are_bad_input(audit):
    """An audit without gradients says so; the sample has none."""
    with pytest.raises(library.InputError, match="computed gradients"):
        audit.gradients  # noqa: B018
    assert Strategy.SELECT in audit.spec.strategies
