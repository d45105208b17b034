"""The documents of a live selection: those clicked on its map, or the first ones."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from assay.cache.audits.document_evidence import read_all_starts, read_texts
from assay.cache.export import of_audit
from assay.core.findings.formatting import verb
from assay.core.selection.titration import Cell, Corpus
from assay.core.specs.strategies import shown_as
from assay.pages.components.annotations.choices import annotation_columns, column_settings
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.audit.titration_charts import roles
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.evidence_links import card_addresses, card_column
from assay.pages.components.export import WHOLE, export_line, sideways

_N_LISTED = 100
_PREVIEW_CHARACTERS = 300
# The starts of so many texts are kept in memory: 6 MB.
_MOST_REMEMBERED = 20_000


def live_documents(path: Path, cell: Cell, corpus: Corpus, places: NDArray) -> pd.DataFrame:
    """rank (from 1), document_id, role, weight, source, text of the documents at some ``places`` of
    a live selection."""
    return _described(read_texts(path, cell.documents[places].tolist()), cell, corpus, places)


def show_live_documents(
    path: Path, cell: Cell, corpus: Corpus, setting: Setting, picked: NDArray[np.int64]
) -> None:
    """A table with each document's card; of the documents ``picked`` on the map, if any are."""
    is_picked = len(picked) > 0
    is_chosen = np.isin(cell.documents, picked) if is_picked else np.ones(len(cell.documents))
    places = np.flatnonzero(is_chosen)
    # Whole texts are read when they are exported, not at each move of a slider.
    listed = _listed(path, cell, corpus, places[:_N_LISTED])
    name = shown_as(setting.selector)
    st.subheader(f"Documents that {name} {verb(name, 'select')}, live", anchor=False)
    st.dataframe(
        listed.assign(
            evidence=card_addresses(path, listed["document_id"]),
            **annotation_columns(listed["document_id"], said_of(path)),
        ),
        hide_index=True,
        height=320,
        column_order=["rank", "evidence", "mark", "tags", "role", "source", "text"],
        column_config={
            "rank": st.column_config.NumberColumn("rank", format=WHOLE, width=60),
            "evidence": card_column(),
            "text": st.column_config.TextColumn("text", width=560),
            **column_settings(),
        },
    )
    export_line(
        of_audit(path),
        f"live-{setting.selector}",
        partial(live_documents, path, cell, corpus, places),
        note=sideways(
            f"{len(listed):,} of {len(places):,} "
            + ("documents chosen on the map." if is_picked else "selected.")
            + (" The export contains all." if len(listed) < len(places) else "")
        ),
        chosen={
            "strategy": setting.selector,
            "leaked_share": setting.leaked_share,
            "budget": setting.budget,
            "draw": setting.seed,
            "chosen_on_map": sorted(picked.tolist()),
        },
    )


def _listed(path: Path, cell: Cell, corpus: Corpus, places: NDArray[np.int64]) -> pd.DataFrame:
    """The same with the starts of the texts."""
    if len(corpus.is_trained) > _MOST_REMEMBERED:
        rows = live_documents(path, cell, corpus, places)
        return rows.assign(text=rows["text"].str.slice(0, _PREVIEW_CHARACTERS))
    documents = pd.Index(cell.documents[places], name="document_id")
    return _described(_starts(path).loc[documents].reset_index(), cell, corpus, places)


def _described(rows: pd.DataFrame, cell: Cell, corpus: Corpus, places: NDArray) -> pd.DataFrame:
    """Rows of document_id, source and text, with what the selection says of each."""
    documents = cell.documents[places]
    role_of = np.empty(len(documents), object)
    for role, is_role in roles(corpus):
        role_of[is_role[documents]] = str(role)
    rows.insert(0, "rank", places + 1)
    rows.insert(2, "role", role_of)
    return rows.assign(weight=cell.weights[places])


@st.cache_resource(max_entries=2, show_spinner=False)
def _starts(path: Path) -> pd.DataFrame:
    """Opening the file takes longer than all else that the table needs, so it is opened once."""
    return read_all_starts(path, _PREVIEW_CHARACTERS)
