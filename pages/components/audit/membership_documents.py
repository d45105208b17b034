"""Documents' scores in every membership ranking of an audit, kept between reruns."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from assay.cache.annotations.annotations import with_annotations
from assay.cache.audits.document_evidence import Scores, read_scores, read_texts
from assay.cache.export import of_audit
from assay.core.findings.formatting import bare_p_value
from assay.core.specs.data import Role
from assay.core.specs.strategies import Strategy
from assay.core.stats.conformal import HeldOutTest, against_held_out
from assay.core.stats.embedding_membership import EmbeddingTest, embedding_test
from assay.core.stats.ranking import ranked
from assay.pages.components.annotations.choices import annotation_columns, column_settings
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.evidence_links import card_addresses, card_column
from assay.pages.components.export import WHOLE, export_line, sideways
from assay.pages.components.tables import even_decimals, shown_table

_N_LISTED = 100
_PREVIEW_CHARACTERS = 300
HOW_P_AND_Q_READ = (
    "p: share of held-out documents that score at least as high. q: expected share "
    "of false positives among all documents with such a score (Benjamini–Hochberg; for input "
    "embeddings scaled by the estimated share not trained on). Both apply only to documents of "
    "the held-out documents' domain."
)


@st.cache_data(max_entries=16, show_spinner=False)
def scores_of(path: Path, held_out_source: str | None) -> Scores:
    return read_scores(path, held_out_source)


@st.cache_data(max_entries=16, show_spinner=False)
def tests_of(path: Path, held_out_source: str | None) -> dict[str, HeldOutTest | EmbeddingTest]:
    """Each ranking's p- and q-values; none if nothing was held out."""
    scores = scores_of(path, held_out_source)
    if not scores.roles.is_held_out.any():
        return {}
    tests: dict[str, HeldOutTest | EmbeddingTest] = {}
    for name in scores.by_ranking:
        # As stored in the audit, whose q-values use the estimated share of training documents.
        test = embedding_test if name == Strategy.EMBEDDING_MATCH else against_held_out
        tests[name] = test(scores.by_ranking[name].to_numpy(), scores.roles.is_held_out)
    return tests


def ranked_documents(path: Path, name: str, held_out_source: str | None, seed: int) -> pd.DataFrame:
    """Every document in one ranking, the most likely trained first.

    Columns: place (from 1), document_id, score, role, p, q. ``seed`` is the audit's and orders
    equal scores as its selections do.
    """
    scores = scores_of(path, held_out_source)
    test = tests_of(path, held_out_source)[name]
    roles = np.select(
        [scores.roles.is_trained, scores.roles.is_held_out],
        [Role.TRAINED, Role.HELD_OUT],
        Role.OUT_OF_DOMAIN,
    )
    own = scores.by_ranking[name]
    order = ranked(own.to_numpy(), seed)
    return pd.DataFrame(
        {
            "place": np.arange(1, len(order) + 1),
            "document_id": own.index.to_numpy()[order],
            "score": own.to_numpy()[order],
            "role": roles[order],
            "p": test.p_values[order],
            "q": test.q_values[order],
        }
    )


def show_likeliest(path: Path, name: str, held_out_source: str | None, seed: int) -> None:
    """The documents that a ranking considers most likely trained on, each with its card."""
    rows = ranked_documents(path, name, held_out_source, seed)
    first = rows[:_N_LISTED]
    texts = read_texts(path, first["document_id"].tolist())["text"]
    shown_table(
        pd.DataFrame(
            {
                "place": first["place"],
                "evidence": card_addresses(path, first["document_id"]),
                **annotation_columns(first["document_id"], said_of(path)),
                "role": first["role"],
                "score": first["score"],
                "p": first["p"].map(bare_p_value, na_action="ignore"),
                "q": first["q"].map(bare_p_value, na_action="ignore"),
                "text": texts.str.slice(0, _PREVIEW_CHARACTERS),
            }
        ),
        hide_index=True,
        height=320,
        placeholder="—",
        column_config={
            "place": st.column_config.NumberColumn("place", format=WHOLE, width=60),
            "evidence": card_column(),
            "score": st.column_config.NumberColumn(
                "score", format=even_decimals(first["score"], 4), width=90
            ),
            "p": st.column_config.TextColumn("p", width=70),
            "q": st.column_config.TextColumn("q", width=70),
            "text": st.column_config.TextColumn("text", width=520),
            **column_settings(),
        },
    )
    export_line(
        of_audit(path),
        f"ranked-by-{name}",
        partial(_for_export, path, rows),
        note=sideways(
            f"{HOW_P_AND_Q_READ} A dash means a held-out document. The first {len(first):,} of "
            f"{len(rows):,} are shown; the export contains all."
        ),
        chosen={"ranking": name},
    )


def _for_export(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    texts = read_texts(path, rows["document_id"].tolist())[["source", "text"]]
    return with_annotations(rows.join(texts), said_of(path), "document_id")
