"""The report on an audit as a file, for a browser or as PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from assay.cache.audits.model_pair import same_pair
from assay.cache.audits.repeats import repeats_of
from assay.cache.export_files import check_marked, write_marked
from assay.cache.files.database import kept_open
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.report.pdf import PDF_MARK, as_pdf, check_pdf
from assay.core.report.render import MARK, render_report


@kept_open()
def write_report(
    store: Store,
    path: Path,
    outs: Sequence[Path],
    with_documents: bool = False,
    may_overwrite: bool = False,
) -> int:
    """Write the report on the audit at ``path``, and on what else ``store`` holds on its models.

    Each of ``outs`` ends in .html or .pdf. Returns the number of bytes of the HTML page. InputError
    for another ending, if a file that is not an Assay report would be overwritten, or if what
    writes PDF is missing.
    """
    check_outs(outs, may_overwrite)
    known, repeats = same_pair(store, path), repeats_of(store, path)
    page = render_report(store, path, known, repeats, with_documents)
    write_pages(outs, page, may_overwrite)
    return len(page.encode())


def check_outs(outs: Sequence[Path], may_overwrite: bool) -> None:
    """InputError, before any work, for what ``write_pages`` could not write."""
    for out in outs:
        if out.suffix not in (".html", ".htm", ".pdf"):
            raise InputError(
                "a file ending in .html or .pdf", repr(out.name), "choose another name"
            )
        check_marked(out, _mark(out), may_overwrite)
    if any(map(_is_pdf, outs)):
        check_pdf()


def write_pages(outs: Sequence[Path], page: str, may_overwrite: bool) -> None:
    """The page in the format of each name."""
    for out in outs:
        data = as_pdf(page) if _is_pdf(out) else page.encode()
        write_marked(out, data, _mark(out), may_overwrite)


def _mark(out: Path) -> bytes:
    return PDF_MARK if _is_pdf(out) else MARK.encode()


def _is_pdf(out: Path) -> bool:
    return out.suffix == ".pdf"
