"""Links from tables to the evidence card of each of their documents."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from assay.pages.components.escaping import markdown_safe

DOCUMENT = "document"


def card_address(audit_id: str, document_id: int) -> str:
    """The address of a document's card."""
    return f"/evidence?{urlencode({'audit': audit_id, DOCUMENT: int(document_id)})}"


def card_addresses(path: Path, document_ids: Iterable[int]) -> list[str | None]:
    """The address of each document's card, for a table's cells; None without a card."""
    return [None if pd.isna(number) else card_address(path.stem, number) for number in document_ids]


def card_column(title: str = "evidence") -> ColumnConfig:
    """A column of card addresses, shown as the documents' numbers."""
    return st.column_config.LinkColumn(
        title,
        display_text=rf"{DOCUMENT}=(\d+)",
        width=80,
        help="all evidence on this document",
    )


def card_link(path: Path, document_id: int) -> None:
    """A link to a document's card."""
    st.page_link(
        "pages/evidence.py",
        label="All evidence on this document",
        icon=":material/plagiarism:",
        query_params={"audit": path.stem, DOCUMENT: str(document_id)},
    )


def numbered(asked: str, n_documents: int) -> int | None:
    """The document that an address names; None where the audit has none of that number."""
    is_number = asked.isascii() and asked.isdecimal() and len(asked) < 10
    return int(asked) if is_number and int(asked) < n_documents else None


def show_no_document(asked: str, n_documents: int) -> None:
    """That the audit has no such document."""
    st.warning(
        f"This audit has no document {markdown_safe(asked[:40])}; its documents are numbered 0 to "
        f"{n_documents - 1:,}.",
        icon=":material/search_off:",
    )
