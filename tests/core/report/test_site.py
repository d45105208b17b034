"""The reports on a whole store as a folder of pages."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from support.audit_file import HOSTILE, write_sample_audit
from support.local_paths import SECRETS, from_a_private_machine
from support.titration_audit import write_sample_titration

from assay.cache.audits.evidence import evidence_of
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.findings.answers.audit_answers import (
    answers_to_what_was_asked,
    audit_answers,
)
from assay.core.report.site import write_site
from assay.core.runtime.progress import SilentProgress


class Links(HTMLParser):
    """Every address that a page names, and its rows of text."""

    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("href", "src", "data")]

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two audits, one hostile and from a private machine, and a file that is none."""
    store = Store(tmp_path_factory.mktemp("store"))
    write_sample_audit(store, "plain", n_documents=80, budget=10)
    write_sample_audit(
        store,
        "hostile",
        n_documents=80,
        budget=10,
        title=HOSTILE,
        before_seal=from_a_private_machine,
    )
    (store.audits / "damaged.duckdb").write_bytes(b"not a database")
    folder = tmp_path_factory.mktemp("site")
    (folder / "notes.txt").write_text("mine")
    return store, folder, write_site(store, folder, SilentProgress())


def test_its_links_lead_to_its_own_files(site):
    """Every address on every page is an image inside it or a file beside it, and each report is
    linked from the list and links back."""
    _, folder, _ = site
    pages = {file.name: Links(file.read_text()).found for file in folder.glob("*.html")}
    assert set(pages) == {"index.html", "report-plain.html", "report-hostile.html"}
    for found in pages.values():
        files = [unquote(one) for one in found if not one.startswith("data:image/")]
        assert files
        assert all((folder / one).is_file() and "/" not in one for one in files)
    assert {"report-plain.html", "report-hostile.html"} <= set(pages["index.html"])
    assert "index.html" in pages["report-plain.html"]


def test_the_list_names_every_audit_and_why_one_has_no_report(site):
    """The damaged file is listed with its problem; the hostile title is text."""
    _, folder, lines = site
    page = (folder / "index.html").read_text()
    text = Links(page).text
    assert [one.audit_id for one in lines if one.problem] == ["damaged"]
    assert "No report: " in text
    assert "base-model" in text
    assert "<b>big</b>" in text
    assert "<b>" not in page
    assert page.count("<script") == 1


def test_the_answer_in_the_list_is_the_one_with_the_strongest_evidence(tmp_path):
    """Of a titration, too, which asks something else: as the list says, as the report begins and
    as the dashboard's list of audits has it."""
    store = Store(tmp_path / "store")
    path = write_sample_titration(store)
    (line,) = write_site(store, tmp_path / "site", SilentProgress())
    found = audit_answers(evidence_of(store, path))
    assert answers_to_what_was_asked(evidence_of(store, path)).lead != found.lead
    assert (line.headline, line.standing) == (found.lead.headline, found.lead.standing.shown_as)
    report = Links((tmp_path / "site" / line.file).read_text()).text
    first = min(found.answers, key=lambda one: report.index(one.headline))
    assert first is found.lead


def test_no_folder_of_the_machine_is_in_it(site):
    """Neither the list nor a report names where models and data lay, nor the store."""
    store, folder, _ = site
    for file in folder.glob("*.html"):
        page = file.read_text()
        assert not [one for one in (*SECRETS, str(store.root), "with space") if one in page]


def test_only_its_own_unchanged_pages_are_replaced(site):
    """A second run writes the same again; an edited page and others' files stay."""
    store, folder, _ = site
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    write_site(store, folder, SilentProgress())
    after = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert after == before
    assert after["notes.txt"] == b"mine"
    assert set(json.loads(after["manifest.json"])["audits"]) == {"plain", "hostile"}
    edited = folder / "report-plain.html"
    edited.write_text("mine now")
    with pytest.raises(InputError):
        write_site(store, folder, SilentProgress())
    assert edited.read_text() == "mine now"
    assert (folder / "index.html").read_bytes() == before["index.html"]
    edited.write_bytes(before["report-plain.html"])


def test_the_command_says_how_many(site, assay, tmp_path):
    """`--all` with an audit is refused; alone it writes a folder, and an empty store has none."""
    store, _, _ = site
    result = assay("report", "plain", "--all", tmp_path / "x", "--store", store.root)
    assert result.status == 2
    assert assay("report", "--all", tmp_path / "none").status == 2
    assert not (tmp_path / "none").exists()
