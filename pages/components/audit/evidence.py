"""The parts of a document's evidence card. Texts are shown as plain text only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from assay.cache.audits.document_evidence import read_neighbours, read_ranks
from assay.cache.audits.read import AuditFacts, SelectionFilter, read_selection
from assay.cache.export import of_audit
from assay.core.findings.formatting import significant
from assay.core.findings.table_cells import TableCell, p_cell
from assay.core.specs.strategies import Strategy, shown_as
from assay.pages.components.annotations.choices import annotation_columns, column_settings
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.audit.membership_documents import HOW_P_AND_Q_READ, scores_of, tests_of
from assay.pages.components.evidence_links import (
    DOCUMENT,
    DOCUMENTS,
    Linked,
    card_addresses,
    card_column,
    numbered,
    show_no_document,
)
from assay.pages.components.export import export_line, exported_table, sideways
from assay.pages.components.tables import shown_table

_N_NEIGHBOURS = 5
_KINDS = {
    "selected": "Nearest selected",
    "reference": "Nearest in the reference set",
    "pool": "Nearest in the seed corpus",
}


def chosen_document(path: Path, strategy: Strategy, n_documents: int) -> int:
    """The document the address names, else the first of those it lists, else the first that the
    strategy selected; the page ends at an address that names none."""
    asked = st.query_params.get(DOCUMENT)
    start = numbered(asked or "", n_documents)
    linked = Linked.of(st.query_params.get(DOCUMENTS, ""), n_documents)
    if linked is not None:
        linked.show_wrong(n_documents)
    if asked is None and linked is not None and linked.numbers:
        start = linked.numbers[0]
    elif asked is None:
        first = read_selection(path, strategy, SelectionFilter(), 1).rows
        start = int(first["document_id"].iloc[0])
    if linked is not None and linked.numbers:
        _choose_linked(linked, start)
    number = st.number_input(
        f"Document, 0 to {n_documents - 1:,}",
        0,
        n_documents - 1,
        value=start,
        key=f"document {path.stem} {start}",
        width=240,
    )
    if number is None:
        show_no_document(str(asked), n_documents)
        st.stop()
    st.query_params[DOCUMENT] = str(number)
    return int(number)


def _choose_linked(linked: Linked, start: int | None) -> None:
    """The documents that the address lists, to go from one to the next."""
    key = f"linked {start}"

    def go() -> None:
        chosen = st.session_state[key]
        if chosen is not None:
            st.query_params[DOCUMENT] = str(chosen)

    st.pills(
        f"{len(linked.numbers):,} documents of this link",
        linked.numbers,
        default=start if start in linked.numbers else None,
        format_func=str,
        key=key,
        on_change=go,
    )


def facts_table(document: dict[str, Any], facts: AuditFacts) -> pd.DataFrame:
    """Source, label under both models, gradient."""
    names = facts.label_names
    norm = float(np.mean(np.sqrt(document["squared_norms"])))
    rows: list[tuple[str, str | TableCell]] = [
        ("source", document["source"]),
        *(
            [("in the reference set", "yes" if document["in_reference"] else "no")]
            if facts.meta.counts.n_reference
            else []
        ),
        ("tokens read", _number(int(document["n_tokens"]), ",")),
        ("cosine with the weight difference", _number(document["cosine"], "z.4f")),
        ("gradient norm", TableCell.of(significant(norm, 4), value=norm)),
    ]
    if names:
        rows += [
            ("pseudolabel", names[document["pseudolabel"]]),
            (
                "its probability under the final model",
                _number(document["final_probability"], ".3f"),
            ),
            (
                "its probability under the base model",
                _number(math.exp(-document["base_loss"]), ".3f"),
            ),
        ]
    else:
        loss = document["base_loss"]
        rows.append(
            ("loss under the base model", TableCell.of(f"{loss:.3f} nats per token", value=loss))
        )
    return pd.DataFrame(rows, columns=["fact", "value"])


def _number(value: float, how: str) -> TableCell:
    return TableCell.of(f"{value:{how}}", value=value)


def _p_cell(value: float) -> TableCell | None:
    return None if math.isnan(value) else p_cell(value)


def show_ranks(path: Path, document_id: int, strategies: Sequence[Strategy]) -> None:
    """Each strategy's rank for the document, and the gain."""
    st.subheader("Strategies", anchor=False)
    ranks = read_ranks(path, document_id).set_index("strategy").reindex(map(str, strategies))
    table = pd.DataFrame(
        {
            "strategy": [strategy.shown_as for strategy in strategies],
            "rank": (ranks["rank"] + 1).astype("Int64").to_numpy(),
            "gain": ranks["gain"].to_numpy(),
        }
    )
    exported_table(
        of_audit(path),
        f"document-{document_id}-ranks",
        table,
        note="A dash means not selected. Gain: rise of the cosine when the document was added.",
        chosen={DOCUMENT: document_id},
        column_config={"gain": st.column_config.NumberColumn("gain", format="%.4f")},
    )


def show_rankings(path: Path, document_id: int, facts: AuditFacts) -> None:
    """Its percentile in every membership ranking, and how it compares with held-out documents."""
    source = facts.spec.held_out_source
    scores, tests = scores_of(path, source), tests_of(path, source)
    st.subheader("Membership rankings", anchor=False)
    if scores.by_ranking.empty:
        st.caption("This audit has no membership rankings.")
        return
    names = [str(name) for name in scores.by_ranking]
    below = (scores.by_ranking < scores.by_ranking.loc[document_id]).mean()
    table = pd.DataFrame(
        {
            "ranking": [shown_as(name) for name in names],
            "percentile": 100 * below.to_numpy(),
            **{
                title: [_p_cell(getattr(tests[name], values)[document_id]) for name in names]
                for title, values in (("p", "p_values"), ("q", "q_values"))
                if tests
            },
        }
    ).sort_values("percentile", ascending=False, kind="stable")
    note = "Percentile: share of seed-corpus documents that score lower. " + (
        f"{HOW_P_AND_Q_READ} A dash means a held-out document."
        if tests
        else (
            "There are no held-out documents to compare with, so it is unknown how unusual this is."
        )
    )
    exported_table(
        of_audit(path),
        f"document-{document_id}-rankings",
        table,
        note=note,
        chosen={DOCUMENT: document_id},
        column_config={
            "percentile": st.column_config.NumberColumn("percentile", format="%.1f"),
        },
    )


def show_neighbours(path: Path, document_id: int, strategy: Strategy) -> None:
    """The most similar documents, by sentence embedding."""
    rows = read_neighbours(path, document_id, strategy, _N_NEIGHBOURS)
    st.subheader("Similar documents", anchor=False)
    if rows.empty:
        st.caption("This audit has no sentence embeddings.")
        return
    said = said_of(path)
    for kind, title in _KINDS.items():
        own = rows[rows["kind"] == kind]
        if own.empty:
            continue
        st.write(f"**{title}**" + (f" ({strategy.shown_as})" if kind == "selected" else ""))
        shown_table(
            own[["similarity", "text"]].assign(
                evidence=card_addresses(path, own["document_id"]),
                **annotation_columns(own["document_id"], said),
            ),
            column_order=["evidence", "similarity", "mark", "tags", "text"],
            hide_index=True,
            height="content",
            placeholder="—",
            column_config={
                "evidence": card_column(),
                "similarity": st.column_config.NumberColumn("similarity", format="%.3f", width=90),
                "text": st.column_config.TextColumn("text", width=600),
                **column_settings(),
            },
        )
    in_order = pd.concat([rows[rows["kind"] == kind] for kind in _KINDS])
    export_line(
        of_audit(path),
        f"document-{document_id}-neighbours",
        in_order,
        chosen={DOCUMENT: document_id, "strategy": str(strategy), "of_each_kind": _N_NEIGHBOURS},
    )
    st.caption(
        sideways(
            "Similarity: cosine of sentence embeddings; 1 means the same text. A dash: a reference "
            "document that is not in the seed corpus, so there is no page about it."
        )
    )
