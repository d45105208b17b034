"""What tests of pages only read is made once a module."""

from __future__ import annotations

import pytest
from support.audit_file import write_sample_audit

from assay.cache.store import Store


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
