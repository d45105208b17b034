"""Reports and presentations as PDF, through WeasyPrint.

The page is the same as in the browser. Nothing but images inside it is read: no file, no address.
"""

from __future__ import annotations

import logging
from typing import Any

from assay.core.errors import InputError

# A comment behind the end of the file, so that a later report may replace it.
PDF_MARK = b"%Assay report\n"
INSTALL = "pip install 'assay-audit[pdf]'"


def check_pdf() -> None:
    """InputError with the command that installs what is missing."""
    _weasyprint()


def as_pdf(page: str) -> bytes:
    """The HTML page as PDF; InputError if WeasyPrint is missing."""
    weasyprint = _weasyprint()
    # It warns of screen styles that mean nothing in print.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    document = weasyprint.HTML(string=page, base_url=None, url_fetcher=_only_inside())
    written: bytes = document.write_pdf(pdf_tags=True)
    return written + PDF_MARK


def _weasyprint() -> Any:
    try:
        import weasyprint
    except ImportError as error:
        raise InputError("WeasyPrint, to write PDF", "that it is not installed", _do()) from error
    except OSError as error:  # its Python part is there, the library for text is not
        raise InputError(
            "the library Pango, with which WeasyPrint sets text",
            "that it is missing",
            _do(", and Pango, for example `apt install libpango-1.0-0 libpangoft2-1.0-0`"),
        ) from error
    return weasyprint


def _do(more: str = "") -> str:
    return f"run `{INSTALL}`{more}; or write --out FILE.html and print it from a browser"


def _only_inside() -> Any:
    from weasyprint.urls import URLFetcher

    return URLFetcher(allowed_protocols=("data",), allow_redirects=False)
