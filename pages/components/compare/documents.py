"""The documents that several audits selected: where they lie, and who selected which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from assay.cache.export import Origin
from assay.core.findings.comparison import letter, selected_by
from assay.core.specs.strategies import Strategy
from assay.pages.components.annotations.choices import (
    choose_annotations,
    column_settings,
    tags_of,
)
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads
from assay.pages.components.audit.choices import search_texts
from assay.pages.components.audit.map_chart import (
    MAX_DRAWN,
    Colouring,
    MapView,
    Panel,
    bounds_of,
    show_map,
)
from assay.pages.components.audit.map_choice import (
    Choice,
    chosen_in_link,
    clear_link,
    inside,
    put_in_link,
)
from assay.pages.components.audit.map_controls import HOVER_CHARACTERS, MAX_POINTS, shown
from assay.pages.components.audit.map_documents import show_open_document
from assay.pages.components.compare.annotations import SaidInAudits
from assay.pages.components.evidence_links import card_addresses, card_column, numbered
from assay.pages.components.export import export_line, sideways
from assay.pages.components.palette import CATEGORIES

_N_LISTED = 500
_PREVIEW_CHARACTERS = 300
_ANYBODY = "any audit"


@dataclass(frozen=True)
class _OnMap:
    """The audit whose map is used, and where its documents are, (n × 2)."""

    place: int
    path: Path
    places: np.ndarray


def named_groups(table: pd.DataFrame, n_audits: int) -> pd.DataFrame:
    """The selected documents, each with ``group``: who selected it."""
    ranks = table[[f"rank_{i}" for i in range(n_audits)]].notna().to_numpy()
    return table.assign(
        group=[selected_by(tuple(int(i) for i in np.flatnonzero(row)), n_audits) for row in ranks]
    )


def show_documents(
    paths: Sequence[Path], table: pd.DataFrame, strategy: Strategy, origin: Origin
) -> None:
    """The map and, below it, the table; an area drawn on the map keeps only its documents."""
    table = named_groups(table, len(paths))
    counts = table["group"].value_counts()
    # Documents that more audits selected first, then by the audits' letters.
    groups = sorted(counts.index, key=lambda name: (name.startswith("only"), name))
    on_map = _map_of(paths, table)
    choice = Choice(None, None, None)
    if on_map is None:
        st.info("None of these audits has a map.", icon=":material/info:")
    else:
        choice = _show_map(on_map, table, groups, strategy, len(paths))
    _show_table(paths, table, groups, counts, choice, on_map, strategy, origin)


def _map_of(paths: Sequence[Path], table: pd.DataFrame) -> _OnMap | None:
    """The map that has most of the documents; the first of equal ones."""
    found = [
        _OnMap(i, path, places) for i, path in enumerate(paths) if len(places := reads.places(path))
    ]
    return max(found, key=lambda one: table[f"document_{one.place}"].notna().sum(), default=None)


def _show_map(
    on_map: _OnMap, table: pd.DataFrame, groups: Sequence[str], strategy: Strategy, n_audits: int
) -> Choice:
    facts, bounds = reads.facts(on_map.path), bounds_of(on_map.places, None)
    choice = chosen_in_link(bounds)
    column = f"document_{on_map.place}"
    placed = table[table[column].notna()][:MAX_POINTS]
    numbers = placed[column].astype("int64")
    is_large = len(on_map.places) > MAX_DRAWN
    pool = shown(
        reads.hover(on_map.path, HOVER_CHARACTERS, () if is_large else None),
        Colouring.SOURCE,
        facts.label_names,
    ).assign(group=None)
    rows = shown(
        reads.hover(on_map.path, HOVER_CHARACTERS, tuple(numbers.tolist())),
        Colouring.SOURCE,
        facts.label_names,
    )
    if len(groups) > len(CATEGORIES):  # more than there are colours
        placed = placed.assign(group=placed["n_selecting"].map(_counted))
        groups = [_counted(n) for n in sorted(placed["n_selecting"].unique(), reverse=True)]
    of_document = placed.assign(document_id=numbers).set_index("document_id")
    own = of_document.reindex(rows["document_id"])
    ranks = pd.Series(
        [_ranks_in_words(row, n_audits) for row in own.to_dict("records")], rows.index, dtype=object
    )
    rows = rows.assign(group=own["group"].to_numpy(), about=ranks + " · " + rows["about"])
    left, right = st.columns([3, 2])
    with left:
        show_map(
            MapView(
                on_map.places,
                is_large,
                pool,
                [Panel(strategy, rows)],
                None,
                Colouring.SOURCE,
                None,
                reads.regions(on_map.path),
                choice.area,
                _open_places(on_map, choice),
                tuple(groups),
            ),
            bounds,
            "Documents by meaning, coloured by which audits selected them",
            partial(_keep_gesture, bounds),
        )
        n_missing = int(table[column].isna().sum())
        st.caption(
            f"The map of {letter(on_map.place)}, which places {len(on_map.places):,} documents by "
            "meaning. Grey: documents that none of the audits selected. "
            + (
                f"{n_missing:,} selected documents are not in {letter(on_map.place)}'s seed corpus "
                "and so not on this map. "
                if n_missing
                else ""
            )
            + (
                f"Only the {MAX_POINTS:,} best ranked are drawn. "
                if len(placed) < len(table) - n_missing
                else ""
            )
        )
    with right:
        if choice.document is not None:
            show_open_document(on_map.path, choice.document, facts.label_names, len(on_map.places))
            st.caption(f"Its mark, tags and note are those in {letter(on_map.place)}.")
        else:
            st.info(
                "Click a document to read it. Draw around documents to keep only these in the "
                "table below.",
                icon=":material/touch_app:",
            )
    return choice


def _counted(n_audits: int) -> str:
    return "one audit" if n_audits == 1 else f"{n_audits} audits"


def _ranks_in_words(row: dict[str, Any], n_audits: int) -> str:
    known = {i: row[f"rank_{i}"] for i in range(n_audits) if pd.notna(row[f"rank_{i}"])}
    return ", ".join(f"rank {int(rank):,} in {letter(i)}" for i, rank in known.items())


def _open_places(on_map: _OnMap, choice: Choice) -> list[tuple[float, float]]:
    if choice.document is None:
        return []
    number = numbered(choice.document, len(on_map.places))
    if number is None:
        return []
    x, y = on_map.places[number].tolist()
    return [(x, y)]


def _keep_gesture(bounds: Sequence[float]) -> None:
    event = st.session_state["map"].chosen
    if event:
        put_in_link(event, bounds)


def _show_table(
    paths: Sequence[Path],
    table: pd.DataFrame,
    groups: Sequence[str],
    counts: pd.Series,
    choice: Choice,
    on_map: _OnMap | None,
    strategy: Strategy,
    origin: Origin,
) -> None:
    first, second, third, fourth = st.columns([3, 4, 2, 2], vertical_alignment="bottom")
    accept_choice("who", "Selected by", [_ANYBODY, *groups])
    who = first.selectbox(
        "Selected by",
        [_ANYBODY, *groups],
        key="who",
        bind="query-params",
    )
    search = search_texts(second)
    said = SaidInAudits.of(paths, table)
    annotated = choose_annotations(third, fourth, said.everything)
    if choice.area is not None:
        st.button("Clear area", icon=":material/close:", on_click=clear_link)
    kept = table if who == _ANYBODY else table[table["group"] == who]
    if search:
        kept = kept[kept["text"].str.lower().str.contains(search.lower(), regex=False)]
    if annotated:
        kept = kept[said.are_kept(kept.index, annotated)]
    if choice.area is not None and on_map is not None:
        numbers = kept[f"document_{on_map.place}"]
        kept = kept[numbers.notna()]
        at = on_map.places[kept[f"document_{on_map.place}"].astype("int64")]
        kept = kept[inside(at, choice.area)]
    if kept.empty:
        st.info("No selected document matches.", icon=":material/filter_alt_off:")
        return
    st.caption(
        f"{len(kept):,} of {len(table):,} selected documents, the best ranked first. Selected by "
        + ", ".join(f"{name}: {counts[name]:,}" for name in groups)
    )
    whole = for_people(kept, len(paths)).assign(**said.columns(kept.index))
    listed = kept[:_N_LISTED]
    cards = pd.concat(
        [
            pd.Series(card_addresses(path, own[f"document_{i}"]), own.index, dtype=object)
            for i, path in enumerate(paths)
            if len(own := listed[listed["held_by"] == i])
        ]
    ).reindex(listed.index)
    shown = whole[:_N_LISTED].assign(
        text=listed["text"].str.slice(0, _PREVIEW_CHARACTERS), evidence=cards
    )
    st.dataframe(
        shown[_order(whole, said)],
        hide_index=True,
        height=360,
        placeholder="—",
        column_config={
            "evidence": card_column(),
            "text": st.column_config.TextColumn("text", width="large"),
            **column_settings(),
            "mark": st.column_config.TextColumn("mark"),  # long where audits differ
        },
    )
    export_line(
        origin,
        "selected-documents",
        whole.assign(
            **{
                f"document_id in {letter(i)}": kept[f"document_{i}"].astype("Int64")
                for i in range(len(paths))
            }
        ),
        note=sideways(
            "Rank 1 was selected first. A dash: not selected by that audit."
            + (f" The first {_N_LISTED:,} are listed." if len(kept) > _N_LISTED else "")
        ),
        chosen={
            "strategy": str(strategy),
            "selected_by": who,
            "search": search,
            "annotated": annotated.in_words,
            **({} if choice.area is None else {"area": choice.area.tolist()}),
        },
    )


def _order(whole: pd.DataFrame, said: SaidInAudits) -> list[str]:
    """The table's columns; what people said stands before the text where they said anything."""
    shown = [name for name in whole if name not in ("mark", "tags", "note")]
    place = shown.index("text")
    used = [
        *(["mark"] if said.by_row else []),
        *(["tags"] if tags_of(said.everything) else []),
    ]
    return [*shown[:place], *used, *shown[place:], "evidence"]


def for_people(table: pd.DataFrame, n_audits: int) -> pd.DataFrame:
    """Who selected each document, with its ranks; and which seed corpora lack it, if any does."""
    lacks = table[[f"document_{i}" for i in range(n_audits)]].isna().to_numpy()
    missing = [", ".join(letter(int(i)) for i in np.flatnonzero(row)) for row in lacks]
    return pd.DataFrame(
        {
            "selected by": table["group"],
            **{f"rank in {letter(i)}": table[f"rank_{i}"] for i in range(n_audits)},
            **({"not in the corpus of": missing} if any(missing) else {}),
            "text": table["text"],
            "source": table["source"],
        }
    )
