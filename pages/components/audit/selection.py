"""The parts of the Selection page. Documents are shown as plain text only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from assay.cache.audits.read import AuditFacts, SelectionFilter, read_document
from assay.cache.export import annotated_selection, of_audit
from assay.cache.store import Store
from assay.core.findings.table_cells import as_text
from assay.core.specs.annotations import Annotation, AnnotationFilter
from assay.core.specs.strategies import Strategy
from assay.pages.components.annotations.choices import annotation_columns, column_settings
from assay.pages.components.annotations.documents import show_document_annotation
from assay.pages.components.audit.evidence import facts_table
from assay.pages.components.evidence_links import (
    DOCUMENT,
    Linked,
    card_link,
    numbered,
    show_no_document,
)
from assay.pages.components.export import WHOLE, export_line, sideways
from assay.pages.components.tables import shown_table

ROWS_PER_PAGE = 200
_PREVIEW_CHARACTERS = 300


def ranked_table(
    rows: pd.DataFrame, facts: AuditFacts, said: Mapping[int, Annotation], view: str
) -> int | None:
    """The table; returns the document whose row is selected, which the address names.

    ``view`` identifies what is shown: Streamlit keeps the selected row's number when the rows
    change, so each view is a separate table.
    """
    names = facts.label_names
    shown = pd.DataFrame(
        {
            "rank": rows["rank"] + 1,
            **annotation_columns(rows["document_id"], said),
            "text": rows["text"].str.slice(0, _PREVIEW_CHARACTERS),
            **(
                {
                    "pseudolabel": [names[label] for label in rows["pseudolabel"]],
                    "probability": rows["final_probability"],
                }
                if names
                else {"loss": rows["base_loss"]}
            ),
            "gain": rows["gain"],
            "cosine": rows["cosine"],
            "source": rows["source"],
            **({"reference": rows["in_reference"]} if facts.meta.counts.n_reference else {}),
        }
    )
    if rows["weight"].nunique() > 1:
        shown.insert(shown.columns.get_loc("gain"), "weight", rows["weight"])
    state = shown_table(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=460,
        placeholder="—",
        key=f"ranked {view}",
        selection_default={"selection": {"rows": _asked_for(rows), "columns": [], "cells": []}},
        column_config={
            "rank": st.column_config.NumberColumn("rank", format=WHOLE, width=60),
            "text": st.column_config.TextColumn("text", width=320),
            "pseudolabel": st.column_config.TextColumn("pseudolabel", width=110),
            "probability": st.column_config.NumberColumn(
                "probability",
                format="%.2f",
                width=82,
                help="probability of the pseudolabel under the final model",
            ),
            "loss": st.column_config.NumberColumn(
                "loss", format="%.2f", width=82, help="nats per token under the base model"
            ),
            "gain": st.column_config.NumberColumn(
                "gain",
                format="%.4f",
                width=82,
                help="rise of the cosine when this document was added",
            ),
            "weight": st.column_config.NumberColumn(
                "weight", format="%.2f", width=82, help="weight of the document; 1 on average"
            ),
            "cosine": st.column_config.NumberColumn(
                "cosine",
                format="%.3f",
                width=82,
                help="cosine of the document's own gradient with the weight difference",
            ),
            "source": st.column_config.TextColumn("source", width=110),
            "reference": st.column_config.CheckboxColumn(
                "in reference", width=82, help="the document is also in the reference set"
            ),
            **column_settings(),
        },
    )
    picked = state["selection"]["rows"]
    if not picked:
        st.query_params.pop(DOCUMENT, None)
        return None
    document_id = int(rows["document_id"].iloc[picked[0]])
    st.query_params[DOCUMENT] = str(document_id)
    return document_id


def _asked_for(rows: pd.DataFrame) -> list[int]:
    """The number of the row whose document the address names, if it is on this page."""
    is_asked = rows["document_id"].astype(str) == st.query_params.get(DOCUMENT)
    return [int(number) for number in is_asked.to_numpy().nonzero()[0]]


def show_chosen(path: Path, document_id: int | None, asked: str | None, facts: AuditFacts) -> None:
    """The document of the chosen row; or why the one that was asked for is not shown.

    ``asked``: what the address named before the table was shown.
    """
    n_documents = facts.meta.counts.n_documents
    if document_id is None and asked is not None:
        number = numbered(asked, n_documents)
        if number is None:
            show_no_document(asked, n_documents)
            return
        st.info(f"Document {number:,} is not among the rows above.", icon=":material/info:")
        card_link(path, number)
        return
    if document_id is None:
        st.caption("Select a row to read the whole document.")
        return
    show_document(path, document_id, facts)


def show_document(path: Path, document_id: int, facts: AuditFacts) -> None:
    """A whole document and its values."""
    document = read_document(path, document_id)
    with st.container(border=True):
        left, right = st.columns([3, 2])
        with left:
            st.code(document["text"], language=None, wrap_lines=True)
            show_document_annotation(path, document_id, document["text_hash"])
        with right:
            st.dataframe(as_text(facts_table(document, facts)), hide_index=True, height="content")
            card_link(path, document_id)


def show_export(
    path: Path,
    strategy: Strategy,
    chosen: SelectionFilter,
    annotated: AnnotationFilter,
    linked: Linked | None,
    names: Sequence[str],
    has_more: bool,
) -> None:
    """Downloads of the filtered documents; ``has_more``: more than this page of the table shows.

    ``annotated`` and ``linked``: filters by what people said and by number, which ``chosen`` holds
    as one.
    """
    labels = [names[label] for label in chosen.labels]
    filters = {**asdict(chosen), "labels": labels, "annotated": annotated.in_words}
    filters["documents"] = linked and list(linked.numbers)
    del filters["among"]  # both together
    export_line(
        of_audit(path),
        "selection",
        partial(annotated_selection, Store.default(), path, strategy, chosen),
        note=sideways("The export contains all pages." if has_more else ""),
        chosen={"strategy": str(strategy), **filters},
    )
