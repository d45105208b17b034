"""The report on an audit as a file."""

from __future__ import annotations

from pathlib import Path

from assay.cache.audits.model_pair import same_pair
from assay.cache.audits.repeats import repeats_of
from assay.cache.export_files import write_text
from assay.cache.store import Store
from assay.core.errors import InputError
from assay.core.report.render import MARK, render_report


def write_report(
    store: Store,
    path: Path,
    out: Path,
    with_documents: bool = False,
    may_overwrite: bool = False,
) -> int:
    """Write the report on the audit at ``path``, and on what else ``store`` holds on its models.

    Returns the number of bytes. InputError if ``out`` is not an .html file, or if a file that is
    not an Assay report would be overwritten.
    """
    if out.suffix not in (".html", ".htm"):
        raise InputError("a file ending in .html", repr(out.name), "choose another --out")
    known, repeats = same_pair(store, path), repeats_of(store, path)
    page = render_report(store, path, known, repeats, with_documents)
    write_text(out, page, MARK, may_overwrite)
    return len(page.encode())
