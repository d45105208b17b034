"""The documents of a live selection: those clicked on its map, or the first ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from assay.cache.audits.document_evidence import read_texts
from assay.cache.export import of_audit
from assay.core.selection.titration import Cell, Corpus
from assay.core.specs.strategies import shown_as
from assay.pages.components.annotations.choices import annotation_columns, column_settings
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.audit.titration_charts import roles
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.evidence_links import card_addresses, card_column
from assay.pages.components.export import export_line

_N_LISTED = 100
_PREVIEW_CHARACTERS = 300


def live_documents(path: Path, cell: Cell, corpus: Corpus, places: NDArray) -> pd.DataFrame:
    """rank (from 1), document_id, role, weight, source, text of the documents at some ``places`` of
    a live selection."""
    documents = cell.documents[places]
    role_of = np.empty(len(corpus.is_trained), object)
    for role, is_role in roles(corpus):
        role_of[is_role] = str(role)
    rows = read_texts(path, documents.tolist())
    rows.insert(0, "rank", places + 1)
    rows.insert(2, "role", role_of[documents])
    return rows.assign(weight=cell.weights[places])


def show_live_documents(
    path: Path, cell: Cell, corpus: Corpus, setting: Setting, map_state: Mapping[str, Any] | None
) -> None:
    """A table with each document's card, for the documents clicked on the map, if any."""
    points = map_state["selection"]["points"] if map_state else []
    picked = {int(point["customdata"]) for point in points if "customdata" in point}
    is_chosen = np.isin(cell.documents, list(picked)) if picked else np.ones(len(cell.documents))
    places = np.flatnonzero(is_chosen)
    # The texts of the others are read when they are exported, not at each move of a slider.
    listed = live_documents(path, cell, corpus, places[:_N_LISTED])
    st.subheader(f"Documents that {shown_as(setting.selector)} selects, live", anchor=False)
    st.dataframe(
        listed.assign(
            evidence=card_addresses(path, listed["document_id"]),
            text=listed["text"].str.slice(0, _PREVIEW_CHARACTERS),
            **annotation_columns(listed["document_id"], said_of(path)),
        ),
        hide_index=True,
        height=320,
        column_order=["rank", "evidence", "mark", "tags", "role", "source", "text"],
        column_config={
            "rank": st.column_config.NumberColumn("rank", width=60),
            "evidence": card_column(),
            "text": st.column_config.TextColumn("text", width=560),
            **column_settings(),
        },
    )
    export_line(
        of_audit(path),
        f"live-{setting.selector}",
        partial(live_documents, path, cell, corpus, places),
        note=f"{len(listed):,} of {len(places):,} "
        + ("documents chosen on the map." if picked else "selected.")
        + (" The export contains all." if len(listed) < len(places) else ""),
        chosen={
            "strategy": setting.selector,
            "leaked_share": setting.leaked_share,
            "budget": setting.budget,
            "draw": setting.seed,
            "chosen_on_map": sorted(picked),
        },
    )
