"""Beside the map: the document that was clicked, and the documents in view of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.annotations.annotations import with_annotations
from assay.cache.audits.comparison import read_reference_documents
from assay.cache.audits.map_documents import read_documents
from assay.cache.audits.read import read_document
from assay.cache.export import of_audit
from assay.core.findings.formatting import counted
from assay.core.specs.strategies import Strategy
from assay.pages.components.annotations.choices import annotation_columns, column_settings
from assay.pages.components.annotations.documents import said_of, show_document_annotation
from assay.pages.components.audit.map_choice import clear_link, close_document, put_in_link
from assay.pages.components.audit.map_controls import Setting, named
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import (
    DOCUMENT,
    card_addresses,
    card_column,
    card_link,
    cards_link,
    numbered,
    show_no_document,
)
from assay.pages.components.export import WHOLE, export_line, sideways
from assay.pages.components.tables import shown_table

_PREVIEW_CHARACTERS = 300
_N_LISTED = 500
_TABLE_HEIGHT = 250


@dataclass(frozen=True)
class Found:
    """What a choice holds: numbers of documents and reference documents, and how it was made."""

    documents: list[int]
    reference: list[int]
    manifest: dict[str, Any]


def manifest_of(setting: Setting, names: Sequence[str], found: list[int]) -> dict[str, Any]:
    """How the documents of an export were chosen."""
    return {
        "strategies": [*map(str, setting.strategies)],
        "documents": setting.linked and list(setting.linked.numbers),
        "search": setting.chosen.search,
        "labels": [names[label] for label in setting.chosen.labels],
        "sources": asdict(setting.chosen)["sources"],
        "annotated": setting.annotated.in_words,
        "selected_by": setting.selected_by and str(setting.selected_by),
        "chosen_on_map": found,
    }


def show_open_document(path: Path, asked: str, names: Sequence[str], n_documents: int) -> None:
    """The document that the address names, as plain text, with what is known about it."""
    number = numbered(asked, n_documents)
    if number is None:
        show_no_document(asked, n_documents)
        return
    document = read_document(path, number)
    label = document.get("pseudolabel")
    about = [f"**Document {number:,}**", markdown_safe(str(document["source"]))]
    if names and label is not None and not pd.isna(label):
        about.insert(1, markdown_safe(names[int(label)]))
    _show_text(" · ".join(about), document["text"])
    show_document_annotation(path, number, document["text_hash"])
    card_link(path, number)


def show_open_reference(path: Path, asked: str, names: Sequence[str], n_reference: int) -> None:
    """The same for a reference document, with a link to its evidence if the seed corpus has it."""
    number = numbered(asked, n_reference)
    if number is None:
        st.warning(
            f"This audit has no reference document {markdown_safe(asked[:40])}.",
            icon=":material/search_off:",
        )
        return
    row = read_reference_documents(path, [number]).iloc[0]
    about = f"**Reference document {number:,}** (evaluation)"
    if names and not pd.isna(row["label"]):
        about += f" · true label {markdown_safe(names[int(row['label'])])}"
    _show_text(about, row["text"])
    if pd.isna(row["document_id"]):
        st.caption("It is not in the seed corpus, so there is no evidence on it.")
    else:
        card_link(path, int(row["document_id"]))


def _show_text(about: str, text: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(about, width="stretch")
        st.button("Close", icon=":material/close:", type="tertiary", on_click=close_document)
    st.code(text, language=None, wrap_lines=True, height=150)


def show_found(
    path: Path, found: Found, setting: Setting, names: Sequence[str], has_reference: bool
) -> None:
    """Tables of the documents; clicking a row opens its document above."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{counted(len(found.documents), 'document')}**", width="stretch")
        if "area" in found.manifest:
            st.button("Clear", icon=":material/close:", type="tertiary", on_click=clear_link)
    if found.documents:
        rows = read_documents(path, found.documents, setting.strategies, _N_LISTED)
        _documents_table(path, rows, setting.strategies, names, has_reference)
        cards_link(path, found.documents)
        export_line(
            of_audit(path),
            "map-documents",
            partial(_whole_table, path, found.documents, setting.strategies, tuple(names)),
            note=sideways(
                f"The first {_N_LISTED:,} are listed; the export holds all."
                if len(found.documents) > _N_LISTED
                else ""
            ),
            chosen=found.manifest,
        )
    if found.reference:
        _reference_table(path, found, names)


def _documents_table(
    path: Path,
    rows: pd.DataFrame,
    strategies: Sequence[Strategy],
    names: Sequence[str],
    has_reference: bool,
) -> None:
    ranks = {_rank_title(one): _ranks(rows[f"rank_{n}"]) for n, one in enumerate(strategies)}
    said = annotation_columns(rows["document_id"], said_of(path))
    table = pd.DataFrame(
        {
            **ranks,
            # Tags are long, and there is little room beside the map: they stand behind the text.
            **{name: said[name] for name in said if name == "mark"},
            "text": rows["text"].str.slice(0, _PREVIEW_CHARACTERS),
            **said,
            **({"pseudolabel": named(rows["pseudolabel"], names)} if names else {}),
            "source": rows["source"],
            "cosine": rows["cosine"],
            **({"in reference": rows["in_reference"]} if has_reference else {}),
        }
    )
    key = f"chosen {hash(tuple(rows['document_id']))}"
    shown_table(
        table,
        hide_index=True,
        height=_TABLE_HEIGHT,
        placeholder="—",
        on_select=partial(_open_row, key, rows["document_id"].tolist()),
        selection_mode="single-row",
        key=key,
        column_config={
            **{
                title: _rank_column(one, len(strategies))
                for title, one in zip(ranks, strategies, strict=True)
            },
            "text": st.column_config.TextColumn("text", width=220),
            "cosine": st.column_config.NumberColumn("cosine", format="%.3f"),
            **column_settings(),
        },
    )


def _open_row(key: str, document_ids: list[int]) -> None:
    picked = st.session_state[key]["selection"]["rows"]
    if picked:
        put_in_link({"kind": DOCUMENT, "value": document_ids[picked[0]]}, [])
    else:
        close_document()


def _reference_table(path: Path, found: Found, names: Sequence[str]) -> None:
    true = read_reference_documents(path, found.reference)
    if names and true["label"].notna().any():
        true["label"] = named(true["label"], names)
    else:
        true = true.drop(columns="label")
    st.markdown(f"**{counted(len(true), 'reference document')}** (evaluation)")
    listed = true[:_N_LISTED]
    st.dataframe(
        pd.DataFrame(
            {
                "evidence": card_addresses(path, listed["document_id"]),
                "text": listed["text"].str.slice(0, _PREVIEW_CHARACTERS),
                **({"label": listed["label"]} if "label" in listed else {}),
            }
        ),
        hide_index=True,
        height=180,
        placeholder="—",
        column_config={"evidence": card_column()},
    )
    export_line(
        of_audit(path),
        "map-true",
        true,
        note=sideways(
            "A dash: the document is not in the seed corpus, so there is no evidence on it."
        ),
        chosen={**found.manifest, "chosen_on_map": found.reference},
    )


def _whole_table(
    path: Path, documents: list[int], strategies: Sequence[Strategy], names: Sequence[str]
) -> pd.DataFrame:
    """All rows, with ranks from 1 under the strategies' names, labels by name, and annotations."""
    rows = with_annotations(
        read_documents(path, documents, strategies), said_of(path), "document_id"
    )
    columns = {f"rank_{n}": _rank_title(one) for n, one in enumerate(strategies)}
    titled = rows.assign(**{name: _ranks(rows[name]) for name in columns}).rename(columns=columns)
    if not names:
        return titled.drop(columns="pseudolabel")
    return titled.assign(pseudolabel=named(rows["pseudolabel"], names))


def _rank_column(strategy: Strategy, n_strategies: int) -> Any:
    """Of two strategies each column is called by its own, for which there is just room."""
    label = "rank" if n_strategies == 1 else strategy.shown_as
    meaning = f"rank among the documents that {strategy.shown_as} selected"
    width = max(60, round(18 + 6.3 * len(label)))
    return st.column_config.NumberColumn(label, format=WHOLE, width=width, help=meaning)


def _rank_title(strategy: Strategy) -> str:
    return f"rank, {strategy.shown_as}"


def _ranks(stored: pd.Series) -> pd.Series:
    """Ranks from 1; missing if the strategy did not select the document."""
    return (stored + 1).astype("Int64")
