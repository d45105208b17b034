"""A store full of a stranger's broken files: no page falls, and each file is named."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict

import pytest
from support.decompression_file import write_sample_decompression
from support.hostile_audits import CLAIMS, HOSTILE, changed, claim, write_mailed
from support.suspect_record import write_sample_suspects

from assay.cache.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home")


@pytest.fixture
def mailed(store, tmp_path):
    return write_mailed(store, tmp_path)


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
    "present": "assay present sample",
    "compare": "two",
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
