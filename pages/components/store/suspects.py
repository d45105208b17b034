"""The parts of the Suspects page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from assay.cache.annotations.annotations import Annotated, read_annotations, with_annotations
from assay.cache.audits.read import read_documents_of
from assay.cache.export import Origin
from assay.cache.store import Store
from assay.core.findings.formatting import decimal
from assay.core.findings.named_facts import fact_table
from assay.core.specs.annotations import Annotation
from assay.core.specs.data import Role
from assay.core.specs.results.suspect_test import SuspectResult
from assay.pages.components.annotations.choices import (
    annotation_columns,
    column_settings,
    tags_of,
)
from assay.pages.components.annotations.editor import show_annotation
from assay.pages.components.charts import framed
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import DOCUMENT, card_addresses, card_column
from assay.pages.components.export import export_line
from assay.pages.components.palette import REFERENCE_LINE, ROLE_COLOURS, faint
from assay.pages.components.tables import shown_table

_N_BINS = 30


def score_plot(record: SuspectResult) -> go.Figure:
    """Suspects' and controls' combined scores, as shares of each set."""
    scores = record.scores
    figure = go.Figure()
    for name, colour in (
        ("controls", ROLE_COLOURS[Role.HELD_OUT]),
        ("suspects", ROLE_COLOURS[Role.TRAINED]),
    ):
        figure.add_trace(
            go.Histogram(
                x=getattr(scores, name),
                name=name,
                histnorm="percent",
                nbinsx=_N_BINS,
                # Either is seen through the other, inside lines that nothing hides.
                marker={"color": faint(colour), "line": {"color": colour, "width": 1.5}},
                hovertemplate="%{x}: %{y:.1f}%<extra>" + name + "</extra>",
            )
        )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1})
    figure.update_xaxes(title="combined score; the average over both sets is 0", zeroline=False)
    figure.update_yaxes(title="% of the set", zeroline=False)
    return framed(figure, 340, barmode="overlay")


def documents_table(record: SuspectResult, audits: Sequence[Path]) -> pd.DataFrame:
    """set, score and hash of every document, the highest first, with the address of its card.

    The card is in the first of ``audits`` whose seed corpus contains the document.
    """
    named, scored = record.documents, record.scores
    assert named is not None
    assert scored is not None
    sets = ["suspects"] * len(named.suspects) + ["controls"] * len(named.controls)
    hashes = [*named.suspects, *named.controls]
    scores = [*scored.suspects, *scored.controls]
    known: dict[str, str | None] = {}
    for path in reversed(audits):
        found = read_documents_of(path, hashes)
        addresses = card_addresses(path, found["document_id"])
        known |= dict(zip(found["text_hash"], addresses, strict=True))
    table = pd.DataFrame({"set": sets, "score": scores, "hash": hashes})
    table["evidence"] = [known.get(one) for one in hashes]
    # Shuffled first: suspects must not stand above controls with the same score.
    shuffled = table.sample(frac=1, random_state=0)
    return shuffled.sort_values("score", ascending=False, kind="stable", ignore_index=True)


def show_documents(record: SuspectResult, audits: Sequence[Path], origin: Origin) -> None:
    """The table; the document of its chosen row, which the address names, can be annotated."""
    about = Annotated.suspect_test(record.test_id)
    said = read_annotations(Store.default(), about)
    table = documents_table(record, audits)
    hashes = table["hash"].tolist()
    asked = st.query_params.get(DOCUMENT)
    state = shown_table(
        table.assign(**annotation_columns(hashes, said)),
        hide_index=True,
        height=320,
        placeholder="—",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={
            "selection": {
                "rows": [hashes.index(asked)] if asked in hashes else [],
                "columns": [],
                "cells": [],
            }
        },
        key=f"documents {record.test_id}",
        column_order=["set", "score", "mark", "tags", "hash", "evidence"],
        column_config={
            "score": st.column_config.NumberColumn("score", format="%.3f"),
            "evidence": card_column(),
            **column_settings(),
        },
    )
    export_line(
        origin,
        "documents",
        with_annotations(table, said, "hash"),
        note="Score: the combined score; its average over both sets is 0. Hash: of a document's "
        "text; it identifies the document without showing it. Evidence: a link, if the seed corpus "
        "of an audit of these models contains the document.",
    )
    picked = state["selection"]["rows"]
    if not picked:
        if asked is not None and asked not in hashes:
            st.warning(
                f"This test has no document {markdown_safe(asked[:80])}.",
                icon=":material/search_off:",
            )
        else:
            st.query_params.pop(DOCUMENT, None)
        st.caption("Select a row to mark, tag or note its document.")
        return
    chosen = hashes[picked[0]]
    st.query_params[DOCUMENT] = chosen
    with st.container(border=True):
        row = table.iloc[picked[0]]
        one_of = "one of the suspects" if row["set"] == "suspects" else "one of the controls"
        st.markdown(
            f"**Document {markdown_safe(chosen[:16])}…** · {one_of} · score {decimal(row['score'])}"
        )
        show_annotation(about, chosen, said.get(chosen, Annotation()), tags_of(said))


def provenance_table(record: SuspectResult) -> pd.DataFrame:
    """Every fact about the test, in two columns."""
    facts = {**record.spec, **record.provenance}
    return fact_table(facts)
