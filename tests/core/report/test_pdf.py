"""Reports as PDF: numbered pages with the audit's id, and nothing read from outside."""

from __future__ import annotations

import re
import socket
import sys
import zlib

import pytest
from support.audit_file import write_sample_audit

from assay.cache.files.manifest import file_digest
from assay.cache.store import Store
from assay.core.report.pdf import PDF_MARK, as_pdf

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SHOWN = re.compile(rb"\[([^\]]*)\]\s*TJ|<([0-9a-fA-F]+)>\s*Tj")


def pages_of(pdf):
    """Of every page the lines of text on it, as hexadecimal numbers of glyphs."""
    found = []
    for match in _STREAM.finditer(pdf):
        try:
            text = zlib.decompress(match[1])
        except zlib.error:
            continue
        if b" Tf" in text and (lines := _SHOWN.findall(text)):
            found.append(
                [b"".join(re.findall(rb"<([0-9a-fA-F]+)>", b"<%b>%b" % (b, a))) for a, b in lines]
            )
    return found


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
    """One line as long as a SHA-256 is on all pages, in the same glyphs; page numbers differ."""
    path, out = written
    data = out.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.endswith(PDF_MARK)
    pages = pages_of(data)
    assert len(pages) > 4
    shared = set(pages[0]).intersection(*pages[1:])
    glyphs = len("SHA-256 ") + len(file_digest(path))
    assert any(len(line) == 4 * glyphs for line in shared)
    # n / N in three glyphs and more.
    last = [{line for line in page if line not in shared} for page in pages]
    assert all(last)


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
