"""Queries and exports of sealed audits."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile

import duckdb
import pandas as pd
import pytest
from support.audit_file import HOSTILE, LABELS, write_sample_audit

from assay.cache.audits import read as audit_reader
from assay.cache.audits.comparison import read_label_counts, read_source_counts
from assay.cache.audits.document_evidence import read_ranks
from assay.cache.audits.read import (
    SelectionFilter,
    audit_path,
    list_audits,
    read_document,
    read_facts,
    read_objective,
    read_selection,
)
from assay.cache.audits.writer import AuditBuilder
from assay.cache.export import (
    FORMATS,
    archive,
    export_selection,
    of_audit,
    selection_frame,
    to_bytes,
)
from assay.cache.files.database import UnreadableFile, open_to_read
from assay.cache.files.manifest import changed_tables, verify_audits
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.specs.strategies import Strategy


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def path(store):
    return write_sample_audit(store, hostile_rank=5)


def all_rows(path, chosen=None, strategy=Strategy.SELECT):
    return read_selection(path, strategy, chosen or SelectionFilter(), 10_000).rows


def test_pages_of_a_selection_make_the_whole(path):
    """Reading page by page gives every rank once, in order."""
    pages = [
        read_selection(path, Strategy.SELECT, SelectionFilter(), 7, offset)
        for offset in range(0, 60, 7)
    ]
    assert {page.n_rows for page in pages} == {60}
    ranks = pd.concat([page.rows for page in pages])["rank"].tolist()
    assert ranks == list(range(60))


@pytest.mark.parametrize("search", ["market", "MARKET", "%", "_", "'; DROP TABLE documents --"])
def test_search_is_a_literal_substring(path, search):
    """Search finds exactly the texts that hold the words, whatever characters they are."""
    everything = all_rows(path)
    found = all_rows(path, SelectionFilter(search=search))
    expected = everything[everything["text"].str.lower().str.contains(search.lower(), regex=False)]
    assert found["document_id"].tolist() == expected["document_id"].tolist()
    assert len(found) < len(everything)


def test_filters_keep_what_they_say(path):
    """Labels, sources and the located mark each keep exactly their rows, and all together too."""
    everything = all_rows(path)
    label = int(everything["pseudolabel"].iloc[0])
    chosen = SelectionFilter(labels=(label,), sources=("held-out",))
    expected = everything[
        (everything["pseudolabel"] == label) & (everything["source"] == "held-out")
    ]
    assert all_rows(path, chosen)["rank"].tolist() == expected["rank"].tolist()
    located = all_rows(path, SelectionFilter(only_located=True))
    assert located["in_reference"].all()
    assert 0 < len(located) < len(everything)


def test_a_document_knows_its_ranks(path):
    """A document is shown whole with its rank under each strategy that chose it."""
    row = all_rows(path).iloc[3]
    document = read_document(path, int(row["document_id"]))
    assert document["text"] == row["text"]
    ranks = read_ranks(path, int(row["document_id"])).set_index("strategy")["rank"]
    assert ranks["select"] == 3
    with pytest.raises(InputError):
        read_document(path, 10**6)


def test_class_counts_add_up(path):
    """Counts of each strategy sum to the budget, those of the seed corpus to its size."""
    for read in (read_label_counts, read_source_counts):
        totals = read(path).groupby("subject")["n"].sum()
        assert totals[[str(s) for s in Strategy]].tolist() == [60] * len(Strategy)
        assert totals["seed-corpus"] == 400
        assert totals["reference"] > 0


def test_broken_files_are_listed_not_raised(store, path):
    """A damaged file stands in the list with its problem, and the others stay readable."""
    (store.audits / "broken.duckdb").write_bytes(b"x" * 5000)
    problems = {s.audit_id: s.problem for s in list_audits(store)}
    assert problems["sample"] is None
    assert problems["broken"]
    assert {c.audit_id: c.is_intact for c in verify_audits(store)} == {
        "sample": True,
        "broken": False,
    }


def test_a_broken_file_is_read_once_and_one_in_use_again(store, path, monkeypatch):
    """The list opens a file again only if it was in use, or is another file by now."""
    opened = []

    def opening(path, **how):
        opened.append(path.stem)
        return open_to_read(path, **how)

    monkeypatch.setattr(audit_reader, "open_to_read", opening)
    broken = store.audits / "broken.duckdb"
    broken.write_bytes(b"x" * 5000)
    path.chmod(0o644)
    with duckdb.connect(str(path)):
        for _ in range(2):
            assert all(summary.problem for summary in list_audits(store))
    assert sorted(opened) == ["broken", "sample", "sample"]
    assert [s.audit_id for s in list_audits(store) if not s.problem] == ["sample"]
    path.replace(broken)
    assert [s.audit_id for s in list_audits(store) if not s.problem] == ["broken"]


def test_nonsense_inside_a_file_is_listed_not_raised(store, path):
    """A file whose values are of the wrong kind, or whose name no address can hold, is named."""
    shutil.copy(path, store.audits / "Sample (1).duckdb")
    os.chmod(path, 0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '[1]' WHERE key = 'spec'")
    problems = {s.audit_id: s.problem for s in list_audits(store)}
    assert "its metadata are wrong at spec" in problems["sample"]
    assert "name" in problems["Sample (1)"]


def test_curves_are_thinned_but_end_where_they_end(path):
    """Long curves come with few points, the last among them; short ones come whole."""
    whole = read_objective(path, [Strategy.SELECT, Strategy.RANDOM], 60)
    thin = read_objective(path, [Strategy.SELECT, Strategy.RANDOM], 7)
    assert whole.groupby("strategy")["rank"].apply(list).tolist() == [list(range(60))] * 2
    assert len(thin) <= 2 * 8
    assert thin.groupby("strategy")["rank"].max().tolist() == [59, 59]
    kept = thin.merge(whole, on=["strategy", "rank", "objective"])
    assert len(kept) == len(thin)


def test_another_version_s_file_is_listed_as_such(store, path):
    """An audit of another schema is not opened as if it were this one's."""
    os.chmod(path, 0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
    (summary,) = list_audits(store)
    assert "another version" in summary.problem


@pytest.mark.parametrize("name", ["../sample", "sample.duckdb", "", "SAMPLE", "a/b", ".."])
def test_names_never_leave_the_folder(store, path, name):
    """Only the name of an audit of this store opens a file."""
    with pytest.raises(InputError):
        audit_path(store, name)
    assert audit_path(store, "sample") == path


def test_a_changed_row_breaks_the_manifest(path):
    """Changing one value after sealing is noticed in its table and nowhere else."""
    os.chmod(path, 0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "UPDATE selections SET rank = 1000 WHERE strategy = 'select' AND rank = 0"
        )
    assert changed_tables(path) == ["selections"]


def test_a_stranger_s_file_reads_no_other_file(tmp_path):
    """A mailed audit whose view reads another file is not opened."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    trap = tmp_path / "trap.duckdb"
    with duckdb.connect(str(trap)) as connection:
        connection.execute(f"CREATE VIEW documents AS SELECT * FROM read_csv('{secret}')")
        assert connection.execute("SELECT * FROM documents").fetchall() == [(1,)]
    with pytest.raises(UnreadableFile, match="a view"), open_to_read(trap):
        pass


def test_exports_hold_the_same_rows(path):
    """CSV, JSON lines and Parquet carry the same selection, labels by name."""
    frame = selection_frame(path, Strategy.SELECT)
    assert set(frame["pseudolabel"]) <= set(LABELS)
    parquet = pd.read_parquet(io.BytesIO(to_bytes(frame, "parquet")))
    lines = pd.read_json(io.BytesIO(to_bytes(frame, "jsonl")), lines=True)
    table = pd.read_csv(io.BytesIO(to_bytes(frame, "csv")))
    for other in (parquet, lines, table):
        assert other["document_id"].tolist() == frame["document_id"].tolist()
    assert lines["text"].tolist() == frame["text"].tolist()


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_spreadsheets_run_no_formula(cell):
    """A CSV cell that a spreadsheet would run begins with an apostrophe; other formats keep it."""
    frame = pd.DataFrame({"text": [cell, "plain"], "n": [-1, 2]})
    names = to_bytes(pd.DataFrame({cell: ["plain"]}), "csv").decode()
    assert f"'{cell[0]}" in names
    table = to_bytes(frame, "csv").decode()
    assert f"'{cell[0]}" in table
    assert "'plain" not in table
    assert "'-1," not in table.replace("'-1,-1", "")
    assert pd.read_json(io.BytesIO(to_bytes(frame, "jsonl")), lines=True)["text"][0] == cell


def test_export_command_writes_the_file(path, tmp_path):
    """Exporting writes every row by the file's ending, and refuses other endings."""
    assert export_selection(Store.default(), path, Strategy.TOP_K, tmp_path / "out.csv") == 60
    assert len(pd.read_csv(tmp_path / "out.csv")) == 60
    described = json.loads((tmp_path / "out.csv.manifest.json").read_text())
    written = (tmp_path / "out.csv").read_bytes()
    assert described["sha256"] == hashlib.sha256(written).hexdigest()
    assert (described["audit"], described["n_rows"]) == ("sample", 60)
    with pytest.raises(InputError, match="csv, jsonl, parquet"):
        export_selection(Store.default(), path, Strategy.TOP_K, tmp_path / "out.xlsx")


@pytest.mark.parametrize("kind", FORMATS)
def test_an_archive_says_what_its_table_is(path, kind):
    """Beside the table stands a manifest whose hash is the table's, with the audit and the
    filters; another table has another hash."""
    frame = pd.DataFrame({"text": ["a", "b"], "n": [1, 2]})
    with zipfile.ZipFile(
        io.BytesIO(archive(of_audit(path), "few", frame, kind, {"search": "x"}))
    ) as files:
        assert set(files.namelist()) == {f"few.{kind}", "manifest.json"}
        data, described = files.read(f"few.{kind}"), json.loads(files.read("manifest.json"))
    assert described["sha256"] == hashlib.sha256(data).hexdigest()
    assert hashlib.sha256(to_bytes(frame[:1], kind)).hexdigest() != described["sha256"]
    assert (described["audit"], described["n_rows"]) == ("sample", 2)
    assert described["chosen"] == {"search": "x"}
    assert described["command"].startswith("assay audit")


def test_reading_while_another_audit_is_built(store, path):
    """Sealed audits are readable while this process builds another and holds its file."""
    builder = AuditBuilder(store, "other")
    with builder.stage("x"):
        builder.put_meta("title", "unfinished")
        assert [s.audit_id for s in list_audits(store)] == ["sample"]
        assert read_facts(path).meta.title == "Sample audit"
    builder.close()


def test_an_unreadable_unfinished_file_is_set_aside(store):
    """What was left half-written and damaged is moved away and named; building starts anew."""
    (store.building / "x.duckdb").write_bytes(b"garbage" * 1000)
    builder = AuditBuilder(store, "x")
    assert builder.quarantined is not None
    assert builder.quarantined.read_bytes().startswith(b"garbage")
    assert not builder.is_done("anything")
    builder.close()


def test_a_failed_stage_leaves_nothing(store):
    """Rows of a stage that raised are gone, those of an earlier one stay."""
    builder = AuditBuilder(store, "x")
    with builder.stage("first"):
        builder.put_meta("kept", 1)

    def fail():
        with builder.stage("second"):
            builder.put_meta("lost", 2)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert builder.has_meta("kept")
    assert not builder.has_meta("lost")
    assert (builder.is_done("first"), builder.is_done("second")) == (True, False)
    builder.close()


def test_hostile_text_is_stored_as_it_is(path):
    """The store keeps documents letter by letter."""
    assert HOSTILE in all_rows(path)["text"].tolist()
