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

import duckdb
import pytest
from support.audit_file import write_sample_audit
from support.hostile_audits import CLAIMS, HOSTILE, changed, claim, write_mailed

from assay.cache.audits.read import list_audits, read_facts
from assay.cache.audits.schema import TABLES
from assay.cache.files.database import UnreadableFile, open_to_read
from assay.cache.files.manifest import check_file
from assay.cache.files.tables import MANIFEST, MANIFEST_COLUMNS
from assay.cache.store import Store
from assay.core.specs.plain import to_plain


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def mailed(store, tmp_path):
    return write_mailed(store, tmp_path)


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
    ("name", "said"),
    [
        ("leaked_shares", "[Infinity]"),
        ("leaked_shares", "[-1e999]"),
        ("leaked_shares", "[NaN]"),
        ("leaked_shares", f"[1{'0' * 400}]"),
        ("strategies", "[]"),
    ],
)
def test_an_audit_asked_for_in_a_way_that_none_is_gets_listed_as_broken(store, name, said):
    """JSON of others may hold numbers that ours never does, or nothing to show; every page lists
    all audits."""
    path = write_sample_audit(store, "sample", n_documents=120)
    path.chmod(0o644)
    spec = {**to_plain(read_facts(path).spec), name: "HERE"}
    with duckdb.connect(str(path)) as connection:
        text = json.dumps(spec).replace('"HERE"', said)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'spec'", [text])
    (listed,) = list_audits(store)
    assert "not those of an audit" in listed.problem


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
