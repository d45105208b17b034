"""The parts of a document's evidence card. Texts are shown as plain text only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cache.evidence import Scores, read_neighbours, read_ranks, read_scores
from cache.read import AuditFacts, SelectionFilter, read_selection
from core.maths.conformal import HeldOutTest, against_held_out
from core.specs import Strategy, shown_as

DOCUMENT = "document"
_N_NEIGHBOURS = 5
_KINDS = {
    "selected": "Nearest selected",
    "reference": "Nearest in the reference set",
    "pool": "Nearest in the seed corpus",
}


def evidence_link(path: Path, document_id: int) -> None:
    """A link to a document's card."""
    st.page_link(
        "pages/evidence.py",
        label="All evidence on this document",
        icon=":material/plagiarism:",
        query_params={"audit": path.stem, DOCUMENT: str(document_id)},
    )


def chosen_document(path: Path, strategy: Strategy, n_documents: int) -> int:
    """The document the address names, else the first that the strategy selected."""
    asked = st.query_params.get(DOCUMENT, "")
    if asked.isdecimal() and int(asked) < n_documents:
        start = int(asked)
    else:
        first = read_selection(path, strategy, SelectionFilter(), 1).rows
        start = int(first["document_id"].iloc[0])
    number = st.number_input(
        f"Document, 0 to {n_documents - 1:,}",
        0,
        n_documents - 1,
        value=start,
        key=f"document {path.stem} {start}",
        width=240,
    )
    st.query_params[DOCUMENT] = str(number)
    return int(number)


def show_facts(document: dict[str, Any], names: Sequence[str]) -> None:
    """Source, label under both models, gradient."""
    rows = [
        ("source", document["source"]),
        ("in the reference set", "yes" if document["in_reference"] else "no"),
        ("tokens read", f"{document['n_tokens']:,}"),
        ("cosine with the target", f"{document['cosine']:.4f}"),
        ("gradient norm", f"{np.mean(np.sqrt(document['squared_norms'])):.4g}"),
    ]
    if names:
        rows += [
            ("pseudolabel", names[document["pseudolabel"]]),
            ("its probability, final model", f"{document['final_probability']:.3f}"),
            ("its probability, base model", f"{math.exp(-document['base_loss']):.3f}"),
        ]
    else:
        rows.append(("loss, base model", f"{document['base_loss']:.3f} nats a token"))
    st.dataframe(pd.DataFrame(rows, columns=["", "value"]), hide_index=True, height="content")


def show_ranks(path: Path, document_id: int, strategies: Sequence[Strategy]) -> None:
    """Where each strategy put it, and what it gained there."""
    st.subheader("Under each strategy", anchor=False)
    ranks = read_ranks(path, document_id).set_index("strategy")
    table = pd.DataFrame(
        [
            (
                strategy.shown_as,
                f"{ranks.loc[strategy, 'rank'] + 1:,}" if strategy in ranks.index else "—",
                ranks.loc[strategy, "gain"] if strategy in ranks.index else None,
            )
            for strategy in strategies
        ],
        columns=["strategy", "rank", "gain"],
    )
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config={"gain": st.column_config.NumberColumn("gain", format="%.4f")},
    )
    st.caption("A dash: not selected. Gain: the rise of the cosine when it was added.")


@st.cache_data(max_entries=16, show_spinner=False)
def _scores(path: Path, held_out_source: str | None) -> Scores:
    return read_scores(path, held_out_source)


@st.cache_data(max_entries=16, show_spinner=False)
def _tests(path: Path, held_out_source: str | None) -> dict[str, HeldOutTest]:
    scores = _scores(path, held_out_source)
    if not scores.is_held_out.any():
        return {}
    return {
        name: against_held_out(scores.by_ranking[name].to_numpy(), scores.is_held_out)
        for name in scores.by_ranking
    }


def show_rankings(path: Path, document_id: int, facts: AuditFacts) -> None:
    """Its percentile under every membership ranking, and how it stands against held-outs."""
    source = facts.meta["spec"]["held_out_source"]
    scores, tests = _scores(path, source), _tests(path, source)
    st.subheader("Under each membership ranking", anchor=False)
    if scores.by_ranking.empty:
        st.caption("This audit ranked no documents by membership.")
        return
    table = []
    for name, column in scores.by_ranking.items():
        score = column[document_id]
        row = {
            "ranking": shown_as(str(name)),
            "percentile": 100 * float((column < score).mean()),
        }
        if tests:
            row["p"] = float(tests[str(name)].p_values[document_id])
            row["q"] = float(tests[str(name)].q_values[document_id])
        table.append(row)
    st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        height="content",
        column_config={
            "percentile": st.column_config.NumberColumn("percentile", format="%.1f"),
            "p": st.column_config.NumberColumn("p", format="%.3f"),
            "q": st.column_config.NumberColumn("q", format="%.3f"),
        },
    )
    st.caption(
        "Percentile: documents of the seed corpus that score lower."
        + (
            " p: the share of held-out documents that score as high; q: the share of false ones "
            "among all that would be called trained with it (Benjamini–Hochberg). Both hold for "
            "documents of the held-out ones' own kind alone, and are empty for a held-out document."
            if tests
            else " No held-out documents are known, so that nothing says how unusual that is."
        )
    )


def show_neighbours(path: Path, document_id: int, strategy: Strategy) -> None:
    """The documents most like it, by sentence embedding."""
    rows = read_neighbours(path, document_id, strategy, _N_NEIGHBOURS)
    st.subheader("Documents like it", anchor=False)
    if rows.empty:
        st.caption("This audit keeps no embeddings.")
        return
    for kind, title in _KINDS.items():
        own = rows[rows["kind"] == kind]
        if own.empty:
            continue
        st.write(f"**{title}**" + (f" ({strategy.shown_as})" if kind == "selected" else ""))
        st.dataframe(
            own[["item_id", "similarity", "text"]].rename(columns={"item_id": "number"}),
            hide_index=True,
            height="content",
            column_config={
                "number": st.column_config.NumberColumn("number", width=80),
                "similarity": st.column_config.NumberColumn("similarity", format="%.3f", width=90),
                "text": st.column_config.TextColumn("text", width=600),
            },
        )
    st.caption("Similarity: the cosine of sentence embeddings; 1 is the same text.")
