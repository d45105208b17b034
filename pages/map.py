"""Where selections are among the pool and the reference documents."""

from __future__ import annotations

import streamlit as st

from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent
from assay.core.specs.metrics import Metric
from assay.pages.components.audit import reads
from assay.pages.components.audit.map_chart import map_figure
from assay.pages.components.audit.map_controls import (
    MAX_POINTS,
    controls,
    lassoed,
    panel,
    show_lassoed,
)
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter
from assay.pages.components.null_comparison import beside, settings_line
from assay.pages.components.palette import ink

enter()

path = reads.chosen_audit()
facts = reads.facts(path)
names, counts = facts.label_names, facts.meta["counts"]

st.title("Map")
st.caption(
    f"{markdown_safe(facts.meta['title'])} · {counts['n_documents']:,} documents of the seed "
    f"corpus and {counts['n_reference']:,} of the reference set, placed by meaning"
)
places = reads.places(path)
if not len(places):
    st.info(
        "This audit has no map. It was run with --no-map, or as part of an experiment.",
        icon=":material/info:",
    )
    st.stop()

setting = controls(facts.strategies, bool(names), counts["n_reference"] > 0)
panels = [panel(path, strategy, setting.colouring, names) for strategy in setting.strategies]
true = reads.reference_places(path, MAX_POINTS) if setting.has_true else None
state = st.plotly_chart(
    map_figure(places, panels, true, setting.colouring, ink()),
    key="map",
    on_select="rerun",
    selection_mode=("points", "lasso", "box"),
    config={"displaylogo": False},
    alt="Selected documents and reference documents over the density of the seed corpus",
)
st.caption(
    "Grey: density of the seed corpus. Draw a lasso or a box around points to read their "
    "documents; with the pan tool, click a point. Changing the colours clears the choice. "
    + (
        f"Only the first {MAX_POINTS:,} selected documents are drawn. "
        if any(len(one.rows) == MAX_POINTS for one in panels)
        else ""
    )
    + (
        f"Only {MAX_POINTS:,} reference documents are drawn. "
        if true is not None and counts["n_reference"] > len(true)
        else ""
    )
    + markdown_safe(settings_line(facts.meta["map"]))
    + " Distances on the map are not to scale: to see how near a selection is, use the values "
    "below, which are measured in all dimensions."
)

rows = MetricTable(reads.metrics(path).to_dict("records"))
for column, strategy in zip(st.columns(len(panels)), setting.strategies, strict=True):
    with column:
        for metric, title in (
            (Metric.EMBEDDING_RECALL, "Reference documents with a selected one near"),
            (Metric.OVERLAP, "Selected documents that duplicate reference documents"),
        ):
            if row := rows.get(strategy, metric):
                st.write(f"**{strategy.shown_as}** · {title}: **{percent(row['value'])}**")
                st.caption(markdown_safe(beside(row)))
if counts["n_reference"]:
    found = reads.overlap(path)
    st.caption(
        f"The seed corpus contains {found.n_exact:,} exact and {found.n_near:,} near duplicates "
        "of reference documents. “Near” a reference document: nearer than its fifth nearest other "
        "reference document (coverage, Naeem et al. 2020)."
    )

chosen = lassoed(state)
if chosen.documents or chosen.true:
    show_lassoed(path, chosen, setting.strategies, names)
else:
    st.caption("Nothing is selected yet.")
