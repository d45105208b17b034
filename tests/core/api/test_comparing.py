"""`assay.compare`: the same figures as the page and the command line, and its errors."""

from __future__ import annotations

import pytest
from support.audit_file import HOSTILE
from support.compared_audits import FIRST, TWIN, write_compared

import assay as library
from assay.cache.store import Store
from assay.core.comparison.audits import compare
from assay.core.findings.comparison import comparison_finding


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two audits of 350 documents in common, one of which tells training documents better."""
    store = Store(tmp_path_factory.mktemp("home"))
    write_compared(store, *FIRST, title=HOSTILE)
    write_compared(store, *TWIN, gain=2.0, seed=1)
    return store


def test_a_notebook_compares_as_the_page_does(store):
    """By object, name and file alike: the page's finding, and a row for each of its differences
    with interval and p as numbers."""
    first = library.open_audit(FIRST[0], store=store.root)
    file = store.audits / f"{TWIN[0]}.duckdb"
    found = library.compare(first, file)
    expected = compare([first.path, file])
    assert found == library.compare(FIRST[0], TWIN[0], store=store.root)
    assert found.finding == comparison_finding(expected)
    assert found.finding.headline in repr(found)
    table = found.differences
    assert len(table) == len(expected.differences) > 0
    assert sorted(table["p"]) == sorted(
        one.corrected for one in expected.differences if not one.is_identical
    )
    assert (table["difference: low"] <= table["difference"]).all()
    assert len(found.overlaps) == len(expected.overlaps)
    assert len(found.settings) == len(expected.differing)


def test_titles_of_others_are_escaped(store):
    """What another's audit is called never becomes markup in a notebook."""
    shown = library.compare(FIRST[0], TWIN[0], store=store.root)._repr_html_()
    assert "<script" in HOSTILE
    assert "<script" not in shown
    assert "&lt;script" in shown


def test_what_cannot_be_compared_is_said(store):
    """One audit, one twice, and one that is not there are errors in words."""
    for audits in ((FIRST[0],), (FIRST[0], FIRST[0])):
        with pytest.raises(library.InputError, match="2 to 8 different audits"):
            library.compare(*audits, store=store.root)
    with pytest.raises(library.InputError):
        library.compare(FIRST[0], "gone", store=store.root)
