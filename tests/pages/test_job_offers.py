"""What a page offers where it has nothing to show yet."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from support.audit_file import write_sample_audit
from support.pages import opened, words

from assay.cache.store import READ_ONLY_VARIABLE, Store

OFFERS = {
    "membership": "audit",
    "corpora": "rank-corpora",
    "suspects": "suspect",
    "titration": "titrate",
    "experiments": "experiment",
    "echo": "echo",
    "topics": "decompress",
    "examples": "decompress",
    "diff": "decompress",
}


def offered(app):
    """Kinds of job that links of the page itself lead to."""
    links = [one.proto for one in app.main.get("page_link")]
    return [parse_qs(one.query_string)["kind"][0] for one in links if "kind=" in one.query_string]


@pytest.mark.parametrize("page", OFFERS)
def test_a_page_with_nothing_to_show_leads_to_the_job_that_makes_it(page, monkeypatch):
    """Its form by a link, which that page opens with the same kind, and its command; with
    --read-only, which starts nothing, the command alone."""
    write_sample_audit(Store.default(), has_truth=False)
    app = opened(page, audit="sample")
    assert offered(app) == [OFFERS[page]]
    assert any(f"assay {OFFERS[page]}" in code.value for code in app.code)
    form = opened("new_audit", kind=OFFERS[page])
    assert form.selectbox(key="kind").value == OFFERS[page]
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    read_only = opened(page, audit="sample")
    assert offered(read_only) == []
    assert "In a terminal" in words(read_only)
    assert [code.value for code in read_only.code] == [code.value for code in app.code]
