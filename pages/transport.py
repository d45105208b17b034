"""How far selections are from the reference set, and what such a distance means."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_audit
from assay.core.findings.beside_random import how_told_apart
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import capitalized
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads
from assay.pages.components.audit.transport_chart import replacement_figure
from assay.pages.components.audit.transport_tables import (
    DISTANCES,
    columns_note,
    distance_table,
    headline,
    leading,
    more_about,
    ordered,
    read_from,
)
from assay.pages.components.charts import dot_plot, show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("transport")
facts = reads.facts(path)
strategies = facts.strategies
rows = MetricTable(reads.metrics(path).to_dict("records"))

st.caption(f"{markdown_safe(facts.meta.title)} · how far each selection is from the reference set")
if not any(ordered(rows, strategies, distance) for distance in DISTANCES):
    st.info(
        "This audit has no reference set to measure a distance to.",
        icon=":material/info:",
    )
    st.stop()

distances = {one.title: one for one in DISTANCES}
titles = {one.metric: one.title for one in DISTANCES}
accept_choice("distance", "Distance", titles, titles.__getitem__)
title = st.segmented_control(
    "Distance",
    list(distances),
    default=DISTANCES[0].title,
    required=True,
    key="distance",
    bind="query-params",
)
distance = distances[title]
curves = reads.replacement_curve(path)
own = curves[curves["metric"] == distance.metric]
curve, held_out = (own[own["replaced_by"] == name] for name in ("pool", "held-out"))
measured = {
    one: row
    for one in ordered(rows, strategies, distance)
    if (row := rows.get(one, distance.metric))
}
with st.container(border=True):
    lead = leading(rows, list(measured), distance)
    found = headline(rows, lead, list(measured), curve, distance)
    st.subheader(markdown_safe(found), anchor=False)
    for sentence in more_about(rows, list(measured), curve, distance):
        st.write(markdown_safe(sentence))

left, right = st.columns([2, 3])
with left:
    st.subheader("Compared with chance", anchor=False)
    first = next(iter(measured.values()))
    references = {"reference documents": first["ceiling"]}
    if len(held_out):
        references["held-out"] = held_out["mean"].iloc[0]
    figure = dot_plot(measured, references, distance.metric.info)
    show_chart(figure, key="distances", alt=distance.title)
    st.caption(
        f"{capitalized(distance.direction)}; grey band: {markdown_safe(first['null_kind'])}; "
        "dotted: as many reference documents"
        + (", and held-out documents." if len(held_out) else ".")
    )
with right:
    st.subheader("How to read a distance", anchor=False)
    if curve.empty:
        st.caption(
            "Every document of the seed corpus is a reference document, so there is nothing to "
            "replace them with."
        )
    else:
        figure = replacement_figure(
            curve,
            held_out["mean"].iloc[0] if len(held_out) else None,
            {strategy: row["value"] for strategy, row in measured.items()},
            {s: read_from(curve, distance, row["value"]) for s, row in measured.items()},
            distance,
        )
        show_chart(figure, key="replacement", alt="Distance against share")
        n, n_draws = int(curve["n"].iloc[0]), int(curve["n_draws"].iloc[0])
        st.caption(
            f"Points: {n:,} reference documents, a share of which is replaced by other documents "
            f"of the seed corpus (mean of {n_draws} draws; band: lowest to highest). Dotted lines "
            "only guide the eye. Each strategy's line reaches from the measured share below its "
            "value to the one above."
            + (
                f" The selections have {first['n']:,} documents. The sizes differ, and smaller "
                "sets have larger distances."
                if n < first["n"]
                else ""
            )
        )

if len(curve):
    exported_table(
        of_audit(path),
        "distances",
        distance_table(rows, list(measured), curve, distance),
        note=f"{how_told_apart(rows, list(measured), distance.metric)} "
        + columns_note(rows, list(measured), distance),
        chosen={"distance": distance.title},
    )
if len(held_out):
    value, low, high = (held_out[name].iloc[0] for name in ("mean", "low", "high"))
    st.caption(
        markdown_safe(
            f"{int(held_out['n'].iloc[0]):,} held-out documents (same distribution as the "
            f"reference set, never trained on) have {distance.written(value)} "
            f"({distance.written(low)} to {distance.written(high)} over draws). A selection that "
            "is no closer shows the domain, not the documents."
        )
    )
