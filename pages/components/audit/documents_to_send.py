"""Downloads of a page that stands alone, and its preview."""

from __future__ import annotations

import base64
import io
import zipfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

from assay.cache.store import Store


def show_downloads(page: str, name: str) -> None:
    """As HTML and as PDF; the PDF is made when it is clicked."""
    st.download_button(
        "HTML",
        page,
        file_name=f"{name}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
    )
    is_installed = find_spec("weasyprint") is not None
    st.download_button(
        "PDF",
        partial(_pdf, page) if is_installed else b"",
        file_name=f"{name}.pdf",
        mime="application/pdf",
        icon=":material/picture_as_pdf:",
        on_click="ignore",
        disabled=not is_installed,
        help=None
        if is_installed
        else "Needs WeasyPrint: pip install 'assay-audit[pdf]'. Or print the HTML file.",
    )


def show_figures(path: Path) -> None:
    """All figures in one archive, each as SVG and PNG."""
    st.download_button(
        "Figures (ZIP)",
        partial(_figures, path),
        file_name=f"{path.stem}-figures.zip",
        mime="application/zip",
        icon=":material/image:",
        on_click="ignore",
        help="Every figure as SVG and PNG",
    )


def show_inside(page: str, height: int, alt: str) -> None:
    """The page in a frame. A data URL is an origin of its own: nothing in it can reach the
    dashboard."""
    address = "data:text/html;base64," + base64.b64encode(page.encode()).decode()
    st.iframe(address, height=height, alt=alt)


def _pdf(page: str) -> bytes:
    from assay.core.report.pdf import as_pdf

    return as_pdf(page)


def _figures(path: Path) -> bytes:
    from assay.core.report.story import drawings_of

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        for one in drawings_of(Store.default(), path):
            files.writestr(f"{one.name}.svg", one.svg)
            files.writestr(f"{one.name}.png", one.png)
    return buffer.getvalue()
