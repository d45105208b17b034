"""Files that a stranger made: refused in a sentence, bounded in time and memory, and without
harm to any other file or page."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import asdict

import duckdb
import pytest
from support.audit_file import write_sample_audit
from support.decompression_file import write_sample_decompression
from support.suspect_record import write_sample_suspects

from assay.cache.audits.read import list_audits, read_facts
from assay.cache.audits.schema import TABLES
from assay.cache.files.database import UnreadableFile, open_to_read
from assay.cache.files.manifest import check_file
from assay.cache.files.tables import MANIFEST, MANIFEST_COLUMNS
from assay.cache.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def mailed(store, tmp_path):
    """An audit that anybody may write to, outside any store."""
    path = tmp_path / "mailed.duckdb"
    shutil.copy(write_sample_audit(store, "sample", n_documents=120), path)
    path.chmod(0o644)
    return path


def changed(path, *statements):
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


HOSTILE = {
    "a view for a table": [
        "DROP TABLE meta",
        "CREATE VIEW meta AS SELECT range::VARCHAR AS key, '1'::JSON AS value "
        "FROM range(10000000000)",
    ],
    "another view": ["CREATE VIEW more AS SELECT * FROM meta"],
    "a macro": ["CREATE MACRO strlen(x) AS 0"],
    "a type": ["CREATE TYPE mood AS ENUM ('good')"],
    "a sequence": ["CREATE SEQUENCE numbers"],
    "a schema": ["CREATE SCHEMA other"],
    "a table more": ["CREATE TABLE more (a INTEGER)"],
    "a table less": ["DROP TABLE metrics"],
    "a column more": ["ALTER TABLE metrics ADD COLUMN more INTEGER"],
    "a generated column": [
        "DROP TABLE map_points",
        "CREATE TABLE map_points (set_name VARCHAR NOT NULL, item_id INTEGER NOT NULL, "
        "x REAL NOT NULL, y REAL GENERATED ALWAYS AS (x + 1), PRIMARY KEY (set_name, item_id))",
    ],
    "another type": [
        "DROP TABLE random_objective",
        "CREATE TABLE random_objective (n_selected INTEGER PRIMARY KEY, mean VARCHAR NOT NULL, "
        "low DOUBLE NOT NULL, high DOUBLE NOT NULL)",
    ],
    "a default that calls": [
        "DROP TABLE random_objective",
        "CREATE TABLE random_objective (n_selected INTEGER PRIMARY KEY, mean DOUBLE NOT NULL "
        "DEFAULT random(), low DOUBLE NOT NULL, high DOUBLE NOT NULL)",
    ],
    "an index": ["CREATE INDEX extra ON metrics (metric)"],
    "long values": [
        "INSERT INTO test_documents (test_id, text) SELECT 100000 + range, repeat('a', 30000000) "
        "FROM range(20)"
    ],
    "many facts": [
        "INSERT INTO meta SELECT 'k' || range, '1' FROM range(200000)",
    ],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_not_ours_is_refused_in_a_sentence(mailed, what):
    """A file with anything but our tables, in our shape and of a bearable size, is not read."""
    changed(mailed, *HOSTILE[what])
    started = time.monotonic()
    with pytest.raises(UnreadableFile) as refused, open_to_read(mailed):
        pass
    assert time.monotonic() - started < 30
    assert "\n" not in str(refused.value)
    checked = check_file(mailed)
    assert not checked.is_intact


def test_the_file_it_was_made_from_is_read(mailed):
    """Without a change, the same file is read: what refuses the others is what they changed."""
    with open_to_read(mailed) as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchall() == [(120,)]
    assert check_file(mailed).is_intact


def test_a_file_of_ours_is_read_without_reach(mailed):
    """What reads a file reaches no other file, loads nothing, and cannot be set to."""
    with open_to_read(mailed) as connection:
        for statement in (
            "SELECT * FROM read_csv('/etc/passwd')",
            "COPY meta TO '/tmp/assay-stolen.csv'",
            "ATTACH '/tmp/assay-other.duckdb'",
            "INSTALL httpfs",
            "SET enable_external_access = true",
            "SET memory_limit = '100GB'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)


def test_a_query_that_takes_too_long_is_stopped(mailed, monkeypatch):
    """Reading one file is bounded in time, whatever it holds."""
    monkeypatch.setattr("assay.cache.files.database._READ_S", 0.5)
    started = time.monotonic()
    with pytest.raises(UnreadableFile, match="more than"), open_to_read(mailed) as connection:
        connection.execute(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"
        ).fetchall()
    assert time.monotonic() - started < 20


def test_a_view_of_endless_rows_takes_no_memory(mailed):
    """The list of a store with such a file stays under 2 GB, in a process of its own."""
    changed(mailed, *HOSTILE["a view for a table"])
    home = mailed.parent / "other"
    (home / "audits").mkdir(parents=True)
    shutil.copy(mailed, home / "audits" / "trap.duckdb")
    done = subprocess.run(
        [sys.executable, "-m", "assay", "list", "--json", "--store", str(home)],
        capture_output=True,
        text=True,
        timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30)),
    )
    (line,) = json.loads(done.stdout)["audits"]
    assert "a view" in line["problem"]


def test_a_manifest_is_no_place_for_queries(mailed):
    """The names in a manifest are compared with the tables, never put into a query."""
    changed(
        mailed,
        f"UPDATE {MANIFEST} SET table_name = '(SELECT 1 AS a) AS t, meta' "
        "WHERE table_name = 'meta'",
    )
    assert "lists other tables" in check_file(mailed).verdict


CLAIMS = {
    "counts": "[1, 2]",
    "spec": '"nothing"',
    "title": "7",
    "created_at": "null",
    "label_names": '{"a": 1}',
    "assessment": '{"verdict": "fine", "reasons": ["It is."], "hints": []}',
    "caveats": '["a", 1]',
    "provenance": '{"command": 1, "assay_version": "0", "packages": {}}',
    "training": "[" * 60 + "]" * 60,
    "projection": '{"dimension": "many", "worth": null, "estimates": {}}',
    "vocabulary": '{"doubts": ["whether it is Tuesday"]}',
    "map": '{"method": ["UMAP"]}',
    "initial_head": '"mine"',
}


def claim(path, key, value):
    with duckdb.connect(str(path)) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])


def test_what_an_audit_says_of_itself_is_checked(store, mailed):
    """Each claim of another shape than pages rely on is named; the other audits stay listed."""
    for key, value in CLAIMS.items():
        path = store.audits / f"odd-{key.replace('_', '-')}.duckdb"
        claim(shutil.copy(mailed, path), key, value)
    listed = {one.audit_id: one.problem for one in list_audits(store)}
    assert listed.pop("sample") is None
    assert len(listed) == len(CLAIMS)
    for key in CLAIMS:
        problem = listed[f"odd-{key.replace('_', '-')}"]
        assert key in problem or "nested" in problem


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE model_facts SET value = '\"many\"' WHERE fact = 'n_parameters'",
        "DELETE FROM model_facts WHERE fact = 'n_parameters'",
        "DELETE FROM model_facts",
        "UPDATE model_facts SET value = '0' WHERE fact = 'n_parameters'",
    ],
)
def test_what_an_audit_says_of_its_models_is_checked(mailed, statement):
    """A fact of another type, or a missing one that pages show, is named; so is a missing model."""
    assert read_facts(mailed).models.difference.n_parameters == 720
    changed(mailed, statement)
    with pytest.raises(UnreadableFile, match=r"n_parameters|wrong at base"):
        read_facts(mailed)


def test_an_assessment_needs_a_reason(mailed):
    """Pages show the first reason, so an audit without one is refused."""
    claim(mailed, "assessment", '{"verdict": "limited", "reasons": [], "hints": []}')
    with pytest.raises(UnreadableFile, match="no reason"):
        read_facts(mailed)


def test_deep_json_is_refused(mailed):
    """A claim nested a hundred thousand levels deep ends in a sentence."""
    deep = "[" * 100_000 + "]" * 100_000
    with duckdb.connect(str(mailed)) as connection:
        try:
            connection.execute("UPDATE meta SET value = ? WHERE key = 'counts'", [deep])
        except duckdb.Error:
            pytest.skip("DuckDB itself refuses such a value")
    with pytest.raises(UnreadableFile):
        read_facts(mailed)


def broken_store(store, mailed):
    """A good audit, suspect test and decompression, and beside each every kind of broken file."""
    write_sample_decompression(store)
    good = write_sample_suspects(store)
    for number, (key, value) in enumerate(CLAIMS.items()):
        path = store.audits / f"odd-{number}.duckdb"
        claim(shutil.copy(mailed, path), key, value)
    for number, what in enumerate(("a view for a table", "a macro", "a table less")):
        changed(shutil.copy(mailed, store.audits / f"trap-{number}.duckdb"), *HOSTILE[what])
    for folder in (store.audits, store.experiments, store.decompressions, store.diffs):
        (folder / "loop.duckdb").symlink_to(folder / "loop.duckdb")
        (folder / "nowhere.duckdb").symlink_to("/nonexistent/x.duckdb")
        (folder / "folder.duckdb").mkdir()
        os.mkfifo(folder / "pipe.duckdb")
        (folder / "zero.duckdb").symlink_to("/dev/zero")
        (folder / "garbage.duckdb").write_bytes(b"garbage" * 999)
        (folder / "empty.duckdb").touch()
        # Another kind than its folder's, and of another version.
        other = shutil.copy(mailed, folder / "other.duckdb")
        changed(other, "UPDATE meta SET value = '3' WHERE key = 'schema_version'")
    for number, record in enumerate(
        (
            {"created_at": None},
            {"provenance": []},
            {"checks": [{}]},
            {"scores": {"suspects": [[1]], "controls": []}},
            {"title": ["x"]},
        )
    ):
        name = f"suspect-{0xBAD0 + number:012x}"
        odd = {**asdict(good), **record, "test_id": name}
        (store.suspect_tests.folder / f"{name}.json").write_text(json.dumps(odd))
    without_date = {k: v for k, v in asdict(good).items() if k != "created_at"}
    without_date["test_id"] = "suspect-0000000bad99"
    for shelf in (store.suspect_tests, store.echoes):
        (shelf.folder / f"{shelf.kind}-0000000bad99.json").write_text(json.dumps(without_date))
        (shelf.folder / f"{shelf.kind}-00000000beef.json").write_text("[" * 100_000)
        os.mkfifo(shelf.folder / f"{shelf.kind}-00000000f1f0.json")
        loop = shelf.folder / f"{shelf.kind}-000000001009.json"
        loop.symlink_to(loop)
    for name in ("loop.cells", "pipe.cells"):
        os.mkfifo(store.building / name)
    (store.journals / f"v1-{'0' * 16}.sqlite").write_bytes(b"garbage" * 999)


PAGES = {
    "audits": "Sample audit",
    "overview": "Student accuracy",
    "assessability": "Change of each tensor",
    "selection": "Search texts",
    "map": "placed by meaning",
    "transport": "smaller vocabulary",
    "class_balance": "central 95%",
    "membership": "cannot evaluate rankings",
    "titration": "contains no gradients",
    "evidence": "Membership rankings",
    "corpora": "does not rank corpora",
    "report": "assay report sample",
    "about": "What an audit can show",
    "suspects": "Suspects number 0",
    "experiments": "assay experiment",
    "jobs": "their own processes",
    "topics": "violin making",
    "examples": "Prompt and raw output",
    "diff": "assay diff A B",
    "echo": "assay echo",
}


def test_every_page_survives_every_broken_file(store, mailed):
    """A store full of broken files takes no page down, and the good ones are shown on each."""
    from support.server import Server

    broken_store(store, mailed)
    server = Server(store.root)
    try:
        for page, expected in PAGES.items():
            query = (
                "audit=sample&decompression=sample&document=7&by=source"
                "&distance=Vocabulary%20containment"
            )
            shown = server.visit(page, query)
            assert expected in shown, page
            assert "This page failed" not in shown, page
    finally:
        server.close()
    assert not (store.logs / "dashboard.log").read_text()


def test_the_list_names_every_broken_file(store, mailed, assay):
    """`assay list` names what the store holds and, of each broken file, what is wrong."""
    broken_store(store, mailed)
    found = json.loads(assay("list", "--store", store.root, "--json").out)
    for kind in ("audits", "experiments", "decompressions", "diffs"):
        lines = {line["id"]: line["problem"] for line in found[kind]}
        for name in ("loop", "nowhere", "folder", "pipe", "zero", "garbage", "empty", "other"):
            assert lines[name], (kind, name)
    assert {line["id"]: line["problem"] for line in found["audits"]}["sample"] is None
    assert sum(bool(line["problem"]) for line in found["suspect_tests"]) == 9
    assert "cannot be read" in assay("list", "--store", store.root).out


@pytest.mark.parametrize("command", ["report", "export", "verify"])
def test_commands_take_the_path_of_a_file(mailed, tmp_path, assay, command):
    """Report, export and verify work on a file outside the store, and change nothing there."""
    before = mailed.read_bytes()
    more = {"report": ["--out", tmp_path / "deep/er.html"], "verify": []}
    more["export"] = ["--out", tmp_path / "new/rows.csv"]
    result = assay(command, mailed, *more[command], "--json")
    assert result.status == 0, result.err
    if command == "report":
        said = json.loads(result.out)
        page = (tmp_path / "deep/er.html").read_text()
        assert said["audit_sha256"] in page
        assert "unchanged since it was sealed" in page
    assert mailed.read_bytes() == before


def test_a_mailed_file_is_shown_and_left_where_it_is(store, mailed):
    """`assay open` shows the file's own page, in a dashboard that changes nothing, and adds nothing
    to the user's store."""
    from support.server import Server

    before, own = mailed.read_bytes(), sorted(store.root.rglob("*"))
    server = Server(store.root, str(mailed), command="open")
    try:
        address, _, query = server.address.partition("?")
        server.address, _, page = address.rpartition("/")
        assert (page, query) == ("overview", "audit=mailed")
        assert "Student accuracy" in server.visit(page, query)
        assert '"Delete' not in server.visit("audits")
    finally:
        server.close()
    assert mailed.read_bytes() == before
    assert sorted(store.root.rglob("*")) == own


@pytest.mark.parametrize("command", ["report", "export", "verify", "open"])
@pytest.mark.parametrize("what", ["a view for a table", "a macro", "many facts"])
def test_commands_refuse_a_hostile_file(mailed, tmp_path, assay, command, what):
    """A stranger's trap gets a sentence and a status, whichever command is given it."""
    changed(mailed, *HOSTILE[what])
    out = {"report": ["--out", tmp_path / "a.html"], "export": ["--out", tmp_path / "a.csv"]}
    result = assay(command, mailed, *out.get(command, []))
    assert result.status == (1 if command == "verify" else 2)
    assert len((result.err or result.out).strip().splitlines()) == 1


def test_a_report_is_made_of_a_sealed_file_alone(mailed, tmp_path, assay):
    """A figure changed after sealing keeps the report from being written."""
    changed(mailed, "UPDATE metrics SET value = 1 WHERE subject = 'final'")
    result = assay("report", mailed, "--out", tmp_path / "a.html")
    assert result.status != 0
    assert "changed since it was sealed: metrics" in result.err
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize("path", ["/dev/zero", "/nonexistent/a.duckdb", "/etc"])
def test_odd_paths_end_in_a_sentence(path, tmp_path, assay):
    """Devices, folders and paths to nothing are named, not read."""
    for command in ("open", "report", "verify"):
        more = ["--out", tmp_path / "a.html"] if command == "report" else []
        assert assay(command, path, *more).status == 2


def test_a_pipe_is_not_waited_for(tmp_path, assay):
    """A named pipe under a file's name is refused at once."""
    pipe = tmp_path / "pipe.duckdb"
    os.mkfifo(pipe)
    for command in ("open", "verify"):
        assert assay(command, pipe).status == 2


def test_the_shape_that_is_demanded_is_the_one_that_is_written(mailed):
    """Each table of ours is in the file, so that the check of its shape covers all of them."""
    with duckdb.connect(str(mailed)) as connection:
        names = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    assert names == {*TABLES, MANIFEST}
    assert "digest" in MANIFEST_COLUMNS
