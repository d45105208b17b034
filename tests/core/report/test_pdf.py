"""Reports as PDF: numbered pages with the audit's id, and nothing read from outside."""

from __future__ import annotations

import socket
import sys

import pytest
from pypdf import PdfReader
from support.audit_file import write_sample_audit

from assay.cache.audits.evidence import evidence_of
from assay.cache.audits.read import read_facts
from assay.cache.files.manifest import file_digest
from assay.cache.store import Store
from assay.core.findings.answers.audit_answers import audit_finding
from assay.core.report.pdf import PDF_MARK, as_pdf


def pages_of(file):
    """The words on every page, with single blanks between them."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(file).pages]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report on a small audit as PDF, from the command line's own function."""
    from assay.core.report.write import write_report

    store = Store(tmp_path_factory.mktemp("store"))
    path = write_sample_audit(store, n_documents=80, budget=10)
    out = tmp_path_factory.mktemp("out") / "report.pdf"
    write_report(store, path, [out])
    return path, out


def test_every_page_has_the_audits_checksum_and_a_number(written):
    """The SHA-256 of the audit's file stands on all pages; each says which of how many it is."""
    path, out = written
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.endswith(PDF_MARK)
    pages = pages_of(out)
    assert len(pages) > 4
    for number, words in enumerate(pages, 1):
        assert file_digest(path) in words.replace(" ", "")
        assert f"{number} / {len(pages)}" in words


def test_the_pdf_says_what_the_audit_says(written):
    """The headline, how sure it is, the title and each caveat can be read back."""
    path, out = written
    evidence = evidence_of(Store(path.parents[1]), path)
    said = "".join(pages_of(out)).replace(" ", "")
    finding, facts = audit_finding(evidence), read_facts(path)
    wanted = [finding.headline, facts.meta.title, *finding.sentences[:1], *facts.meta.caveats]
    assert len(wanted) > 2
    for words in wanted:
        assert "".join(words.split()) in said


def test_nothing_outside_the_page_is_read(tmp_path):
    """Images and style sheets at addresses and in files are left out, without a connection."""
    secret = tmp_path / "secret.css"
    secret.write_text("body { color: red }")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        page = (
            f'<style>@import url("{address}/a.css"); @import url("{secret.as_uri()}");'
            f'@font-face {{ font-family: x; src: url("{address}/f.woff") }} p {{ font-family: x }}'
            f'</style><link rel="stylesheet" href="{address}/b.css"><p>words</p>'
            f'<img src="{address}/x.png"><img src="{secret.as_uri()}"><object data="{address}/o">'
        )
        assert as_pdf(page).startswith(b"%PDF-")
        with pytest.raises(TimeoutError):
            server.accept()


def test_without_its_library_one_sentence_says_what_to_install(assay, tmp_path, monkeypatch):
    """`--pdf` then writes nothing, and names the command."""
    write_sample_audit(Store.default(), n_documents=80, budget=10)
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    page, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    result = assay("report", "sample", "--out", page, "--pdf", pdf)
    assert result.status == 2
    assert "pip install 'assay-audit[pdf]'" in result.err
    assert not page.exists()
    assert not pdf.exists()


def test_a_pdf_of_somebody_else_is_kept(assay, tmp_path):
    """A file that no report is stays as it is; the same goes for a wrong ending."""
    write_sample_audit(Store.default(), n_documents=80, budget=10)
    out = tmp_path / "mine.pdf"
    out.write_bytes(b"%PDF-1.7 mine")
    assert assay("report", "sample", "--pdf", out).status == 2
    assert out.read_bytes() == b"%PDF-1.7 mine"
    assert assay("report", "sample", "--pdf", tmp_path / "r.html").status == 2
    assert assay("report", "sample").status == 2
