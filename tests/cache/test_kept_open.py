"""Files that are kept open while a page runs."""

from __future__ import annotations

import os
from contextlib import suppress

import duckdb
import pytest
from support.audit_file import write_sample_audit

from assay.cache.audits.read import read_facts, read_metrics
from assay.cache.files import database
from assay.cache.files.database import kept_open, open_to_read
from assay.cache.store import Store


def test_a_reader_within_another_ends_nothing():
    """A file is read while it is being read, and both see all of it."""
    path = write_sample_audit(Store.default(), "sample")
    count = "SELECT count(*) FROM documents"
    with kept_open(), open_to_read(path) as outer:
        outer.execute("SELECT document_id FROM documents ORDER BY document_id")
        assert outer.fetchone() == (0,)
        with open_to_read(path) as inner:
            (n,) = inner.execute(count).fetchone()
        assert len(outer.fetchall()) == n - 1
        with pytest.raises(duckdb.Error):
            inner.execute(count)


def test_a_file_put_in_anothers_place_is_read_anew(tmp_path):
    """What was opened before a file was replaced does not answer for the new one."""
    store = Store(tmp_path)
    path, other = (
        write_sample_audit(store, name, title=name, budget=20) for name in ("one", "two")
    )
    with kept_open():
        assert read_facts(path).meta.title == "one"
        os.replace(other, path)
        assert read_facts(path).meta.title == "two"


def test_few_files_stay_open_and_none_afterwards(tmp_path, monkeypatch):
    """A long list closes what it read first; at the end, or after an error, nothing is open."""
    monkeypatch.setattr(database, "_MOST_KEPT_OPEN", 2)
    opened = []
    connect = database._connect_to_read
    monkeypatch.setattr(
        database, "_connect_to_read", lambda path: opened.append(connect(path)) or opened[-1]
    )
    paths = [write_sample_audit(Store(tmp_path), name, budget=20) for name in ("a", "b", "c")]
    with suppress(ZeroDivisionError), kept_open():
        for path in paths:
            read_facts(path)
            read_metrics(path)
        assert [_is_open(one) for one in opened] == [False, True, True]
        _ = 1 / 0
    assert not any(map(_is_open, opened))
    assert len(opened) == 3
    read_facts(paths[0])
    assert len(opened) == 4
    assert not _is_open(opened[-1])


def _is_open(connection):
    try:
        connection.execute("SELECT 1")
    except duckdb.ConnectionException:
        return False
    return True
