"""Where selections are among the pool and the reference documents."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent
from assay.core.specs.metrics import Metric
from assay.pages.components.audit import reads
from assay.pages.components.audit.map_chart import (
    MAX_DRAWN,
    MAX_MATCHES,
    Colouring,
    MapView,
    bounds_of,
    show_map,
)
from assay.pages.components.audit.map_choice import Choice, chosen_in_link, inside, put_in_link
from assay.pages.components.audit.map_controls import (
    HOVER_CHARACTERS,
    MAX_POINTS,
    controls,
    matching_reference,
    panel,
    shown,
    shown_reference,
)
from assay.pages.components.audit.map_documents import (
    Found,
    manifest_of,
    show_found,
    show_open_document,
    show_open_reference,
)
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import numbered
from assay.pages.components.navigation import enter
from assay.pages.components.null_comparison import beside, settings_line

enter()

path = reads.chosen_audit("map")
facts = reads.facts(path)
names, counts = facts.label_names, facts.meta.counts

st.caption(
    f"{markdown_safe(facts.meta.title)} · {counts.n_documents:,} documents of the seed corpus"
    + (f" and {counts.n_reference:,} of the reference set" if counts.n_reference else "")
    + ", placed by meaning"
)
places = reads.places(path)
if not len(places):
    st.info(
        "This audit has no map. It was run with --no-map, or as part of an experiment.",
        icon=":material/info:",
    )
    st.stop()


def drawn_of(matching: NDArray[np.int64] | None) -> tuple[int, ...]:
    """Of the documents that match filters those that are drawn: all, or some of everywhere."""
    if matching is None:
        return ()
    step = max(1.0, len(matching) / MAX_MATCHES)
    return tuple(matching[np.arange(0, len(matching), step).astype(int)].tolist())


setting = controls(path, facts.strategies, names)
panels = [panel(path, strategy, setting.colouring, names) for strategy in setting.strategies]
stored = reads.reference_places(path, MAX_POINTS) if counts.n_reference else None
true = shown_reference(stored, setting.colouring, names) if setting.has_true else None
true_matching = None if stored is None else matching_reference(stored, setting.chosen)
# The same whether reference documents are drawn or not: areas in links are shares of it.
bounds = bounds_of(places, stored)
choice = chosen_in_link(bounds)
matching = (
    reads.matching(path, setting.chosen, setting.selected_by) if setting.is_filtered else None
)
# Of a large pool only the documents that match filters are points, above the density of all.
is_large = len(places) > MAX_DRAWN
drawn = None if not is_large else drawn_of(matching)
pool = shown(reads.hover(path, HOVER_CHARACTERS, drawn), setting.colouring, names)


def found_by(choice: Choice) -> Found | None:
    """The documents in the area, if any, that match the filters, if any."""
    if choice.area is None and matching is None:
        return None
    numbers = np.arange(len(places)) if matching is None else matching
    reference = []
    if choice.area is not None:
        numbers = numbers[inside(places[numbers], choice.area)]
        if true is not None:
            is_found = inside(true[["x", "y"]].to_numpy(np.float32), choice.area)
            if true_matching is not None:
                is_found &= true["reference_id"].isin(true_matching).to_numpy()
            reference = true.loc[is_found, "reference_id"].tolist()
    manifest = manifest_of(setting, names, numbers.tolist())
    if choice.area is not None:
        manifest["area"] = choice.area.tolist()
    return Found(numbers.tolist(), reference, manifest)


def open_places(choice: Choice) -> list[tuple[float, float]]:
    """Where the document that is read lies, to be marked."""
    if choice.document is not None:
        number = numbered(choice.document, len(places))
        if number is None:
            return []
        return [(float(places[number, 0]), float(places[number, 1]))]
    if choice.reference is not None and true is not None:
        here = true[true["reference_id"].astype(str) == choice.reference]
        return [(x, y) for x, y in here[["x", "y"]].to_numpy(float).tolist()]
    return []


def keep_gesture() -> None:
    """What was clicked or drawn goes into the address."""
    event = st.session_state["map"].chosen
    if event:
        put_in_link(event, bounds)


found = found_by(choice)
left, right = st.columns([3, 2])
with left:
    show_map(
        MapView(
            places,
            is_large,
            pool,
            panels,
            true,
            setting.colouring,
            matching,
            reads.regions(path) if setting.has_names else [],
            choice.area,
            open_places(choice),
            matching_reference=true_matching,
        ),
        bounds,
        "Documents of the seed corpus by meaning, with selected and reference documents",
        keep_gesture,
    )
with right:
    if choice.document is not None:
        show_open_document(path, choice.document, names, counts.n_documents)
    elif choice.reference is not None:
        show_open_reference(path, choice.reference, names, counts.n_reference)
    if found is not None:
        show_found(path, found, setting, names, counts.n_reference > 0)
    if not choice and found is None:
        st.info(
            "Click a document to read it. Draw around documents to list them. Search or filter to "
            "highlight those that match. The wheel zooms with Ctrl or ⌘, or after a click into the "
            "map. The address keeps what you chose.",
            icon=":material/touch_app:",
        )
has_groups = setting.colouring in (Colouring.LABEL, Colouring.SOURCE)
small_points = "Small points" if has_groups else "Grey points"
st.caption(
    (
        "Grey: density of the seed corpus. "
        if is_large
        else f"{small_points}: documents that were not selected. "
    )
    + (
        f"Only the first {MAX_POINTS:,} selected documents are drawn. "
        if any(len(one.rows) == MAX_POINTS for one in panels)
        else ""
    )
    + (
        f"Only {MAX_POINTS:,} reference documents are drawn. "
        if true is not None and counts.n_reference > len(true)
        else ""
    )
    + (f"{len(matching):,} documents match. " if matching is not None else "")
    + (
        f"{len(drawn):,} of them are drawn. "
        if drawn and matching is not None and len(drawn) < len(matching)
        else ""
    )
    + (
        "Words: frequent in their region of the map and rare elsewhere. "
        if setting.has_names
        else ""
    )
    + markdown_safe(settings_line(facts.meta.map))
    + " Distances on the map are not to scale. The values below are measured in all dimensions."
)

rows = MetricTable(reads.metrics(path).to_dict("records"))
for column, strategy in zip(st.columns(len(panels)), setting.strategies, strict=True):
    with column:
        for metric, title in (
            (Metric.EMBEDDING_RECALL, "Reference documents with a selected document near them"),
            (Metric.OVERLAP, "Selected documents that duplicate reference documents"),
        ):
            if row := rows.get(strategy, metric):
                st.write(f"**{strategy.shown_as}** · {title}: **{percent(row['value'])}**")
                st.caption(markdown_safe(beside(row)))
if counts.n_reference:
    overlap = reads.overlap(path)
    st.caption(
        f"The seed corpus contains {overlap.n_exact:,} exact and {overlap.n_near:,} near "
        "duplicates of reference documents. “Near” a reference document: nearer than its fifth "
        "nearest other reference document (coverage, Naeem et al. 2020)."
    )
