"""What a search found, by kind; each result leads to its page. Texts are plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from assay.cache.audits.read import AuditSummary
from assay.cache.search import Found, FoundDocument, FoundNote, FoundTopic, Group, search_store
from assay.cache.store import Store
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import DOCUMENT, card_address, card_column
from assay.pages.components.labels import distinct_labels

# A result stays as long, so that going back to it does not search again.
_KEPT_S = 60


@st.cache_data(max_entries=32, ttl=_KEPT_S, show_spinner="Searching …")
def _found(root: Path, is_for_reading: bool, words: str) -> Found:
    return search_store(Store(root, is_for_reading), words)


def found_in(store: Store, words: str) -> Found:
    """The results; InputError for too few or too many letters."""
    return _found(store.root, store.is_for_reading, words)


def show_found(found: Found, words: str) -> None:
    """Each kind that has results, under its name; what was left out is said."""
    groups = (found.audits, found.documents, found.notes, found.topics)
    if found.audits.rows:
        _head("Audits", found.audits)
        _show_audits(found.audits.rows)
    if found.documents.rows:
        _head("Documents", found.documents, ": “on the map” shows all of an audit")
        _show_documents(found.documents.rows, words)
    if found.notes.rows:
        _head("Notes and tags", found.notes)
        _show_notes(found.notes.rows)
    if found.topics.rows:
        _head("Topics", found.topics)
        _show_topics(found.topics.rows)
    if not any(group.rows for group in groups):
        st.info(_nothing(words), icon=":material/search_off:")
    n_unsearched = sum(group.n_unsearched for group in groups)
    if n_unsearched:
        were = "file was" if n_unsearched == 1 else "files were"
        st.caption(
            f"{n_unsearched:,} {were} not searched: unreadable, or the search took too long. "
            "Search on the map of one audit to find everything in it."
        )


def _nothing(words: str) -> str:
    """Titles are searched for each word, texts for all of them as they stand."""
    if len(words.split()) == 1:
        return "Nothing in this store contains this."
    return (
        "Nothing in this store contains these words side by side, as they stand. Search for one of "
        "them."
    )


def _head(title: str, group: Group[Any], where: str = "") -> None:
    st.subheader(title, anchor=False)
    if group.is_cut:
        st.caption(f"There are more than these{where}.")


def _show_audits(rows: list[AuditSummary]) -> None:
    labels = distinct_labels({one.audit_id: f"{one.title} · {one.created_at[:10]}" for one in rows})
    for one in rows:
        st.page_link(
            "pages/overview.py",
            label=markdown_safe(labels[one.audit_id]),
            icon=":material/summarize:",
            query_params={"audit": one.audit_id},
        )


def _show_documents(rows: list[FoundDocument], words: str) -> None:
    of_each = [f"/map?{urlencode({'audit': one.audit_id, 'search': words})}" for one in rows]
    on_map = st.column_config.LinkColumn(
        "all", display_text="on the map", width=90, help="all of this audit that match"
    )
    cards = [card_address(one.audit_id, one.document_id) for one in rows]
    shown = pd.DataFrame(
        {
            "evidence": cards,
            "text": [" ".join(one.text.split()) for one in rows],
            "all": of_each,
            "audit": [one.audit_title for one in rows],
            "source": [one.source for one in rows],
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        column_config={
            "evidence": card_column(),
            "text": st.column_config.TextColumn("text", width=330),
            "all": on_map,
        },
    )


def _show_notes(rows: list[FoundNote]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "about": [_annotated_address(one) for one in rows],
                "note or tag": [" ".join(one.said.split()) for one in rows],
                "in": [f"{one.about.kind}: {one.title}" for one in rows],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "about": st.column_config.LinkColumn(
                "about", display_text=r"(document|example)=", width=90, help="what it was said of"
            ),
            "note or tag": st.column_config.TextColumn("note or tag", width=400),
        },
    )


def _annotated_address(one: FoundNote) -> str:
    """Where a document or an example is shown with what was said of it."""
    result_id = one.about.result_id
    match one.about.kind:
        case "decompression":
            query = {"decompression": result_id, "example": one.item}
            return f"/examples?{urlencode(query)}"
        case "suspect test":
            return f"/suspects?{urlencode({'test': result_id, DOCUMENT: one.item})}"
    return card_address(result_id, int(one.item))


def _show_topics(rows: list[FoundTopic]) -> None:
    for one in rows:
        support = "" if one.support is None else f" · support {one.support:.0%}"
        st.page_link(
            "pages/topics.py",
            label=markdown_safe(f"{one.name}{support} · {one.decompression_title}"),
            icon=":material/account_tree:",
            query_params={"decompression": one.decompression_id, "topic": str(one.topic_id)},
        )
