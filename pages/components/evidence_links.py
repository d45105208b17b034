"""Documents in addresses: one that is open, several that are shown, and links to evidence cards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from assay.pages.components.escaping import markdown_safe

DOCUMENT, DOCUMENTS = "document", "documents"
# Of longer lists the rest is left out: browsers and mail programs cut long addresses.
MOST_LINKED = 200


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


def cards_link(path: Path, document_ids: Sequence[int]) -> None:
    """A link to the cards of several documents; none of more than an address can name."""
    if 1 < len(document_ids) <= MOST_LINKED:
        st.page_link(
            "pages/evidence.py",
            label=f"Evidence on these {len(document_ids):,} documents",
            icon=":material/plagiarism:",
            query_params={"audit": path.stem, DOCUMENTS: ",".join(map(str, document_ids))},
        )


def numbered(asked: str, n_documents: int) -> int | None:
    """The document that an address names; None where the audit has none of that number."""
    is_number = asked.isascii() and asked.isdecimal() and len(asked) < 10
    return int(asked) if is_number and int(asked) < n_documents else None


@dataclass(frozen=True)
class Linked:
    """Several documents that an address or a visitor names: numbers that the audit has, each once,
    and what it does not have."""

    numbers: tuple[int, ...]
    wrong: tuple[str, ...]

    @classmethod
    def of(cls, asked: str, n_documents: int) -> Linked | None:
        """Of numbers with commas or blanks between them; None where nothing is named."""
        names = list(dict.fromkeys(asked.replace(",", " ").split()))[:MOST_LINKED]
        if not names:
            return None
        found = {name: numbered(name, n_documents) for name in names}
        known = [number for number in found.values() if number is not None]
        return cls(tuple(dict.fromkeys(known)), tuple(n for n, one in found.items() if one is None))

    def show_wrong(self, n_documents: int) -> None:
        """That the audit lacks some of them, if it does."""
        if self.wrong:
            show_no_document(", ".join(name[:20] for name in self.wrong[:5]), n_documents)


def show_no_document(asked: str, n_documents: int) -> None:
    """That the audit has no such document."""
    st.warning(
        f"This audit has no document {markdown_safe(asked[:120])}; its documents are numbered 0 to "
        f"{n_documents - 1:,}.",
        icon=":material/search_off:",
    )
