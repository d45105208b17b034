"""What tests of pages only read is made once a module; and what jobs may read."""

from __future__ import annotations

import json

import pytest
from support.audit_file import write_sample_audit
from support.tiny_models import save_bert

from assay.cache.store import Store
from assay.core.runtime.allowed_roots import ROOTS_VARIABLE


@pytest.fixture
def store():
    """The store that pages show."""
    return Store.default()


@pytest.fixture(scope="module")
def sample_store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("sample"))
    write_sample_audit(store)
    return store


@pytest.fixture
def sample(sample_store, monkeypatch):
    """The file of the one audit in the store that pages show; a test may only read that store."""
    monkeypatch.setenv("ASSAY_HOME", str(sample_store.root))
    return sample_store.audits / "sample.duckdb"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """An allowed folder with a base model without a head, a final one with, and some data."""
    folder = tmp_path / "allowed"
    folder.mkdir()
    save_bert(folder / "base", with_head=False)
    save_bert(folder / "final", seed=1)
    rows = [{"body": f"document {n} about snow", "label": "weather"} for n in range(40)]
    (folder / "pool.jsonl").write_text("\n".join(map(json.dumps, rows)))
    monkeypatch.setenv(ROOTS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def no_worker(monkeypatch):
    """Jobs are queued and not run."""
    monkeypatch.setattr("assay.core.jobs.start.ensure_worker", lambda store: None)
