"""What a selection locates as the leaked share grows: measured, and live with the sliders."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from assay.cache.export import of_audit
from assay.core.findings.equal_scores import drawn_sentence
from assay.core.findings.repeats import HOW_SPREADS_READ
from assay.core.findings.titration import titration_finding
from assay.core.findings.titration_grid import nearest_budget
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, shown_as
from assay.pages.components.audit import reads, titration_controls
from assay.pages.components.audit.titration_charts import selection_map, titration_plot
from assay.pages.components.audit.titration_documents import show_live_documents
from assay.pages.components.audit.titration_tables import (
    best_possible,
    measured_table,
    show_live,
    show_standing,
)
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.navigation import enter
from assay.pages.components.null_comparison import settings_line

enter()

path = reads.chosen_audit()
facts = reads.facts(path)
spec, counts = facts.spec, facts.meta.counts

st.title("Titration")
st.caption(
    f"{markdown_safe(facts.meta.title)} · how many training documents a strategy finds when only a "
    f"share of them is in the pool that it selects from · {counts.n_leaked:,} training, "
    f"{counts.n_held_out:,} held-out and "
    f"{counts.n_documents - counts.n_leaked - counts.n_held_out:,} other documents"
)

known = titration_controls.corpus(path, spec.held_out_source, facts.meta.training.batch_size)
missing = titration_controls.what_is_missing(facts, known)
if missing:
    st.info(markdown_safe(missing), icon=":material/info:")
    st.write(
        "A titration needs all training documents, held-out documents and out-of-domain documents:"
    )
    st.code(
        "assay titrate --base BASE --final FINAL --reference train.parquet \\\n"
        "  --held-out heldout.parquet --out-of-domain other.parquet",
        language=None,
    )
    st.stop()
assert known is not None
grid = titration_controls.grid(path)

headline = st.container()
setting = titration_controls.controls(known, grid, facts)
n_leaked = round(setting.leaked_share * counts.n_leaked)
n_pool = counts.n_documents - counts.n_leaked + n_leaked
if setting.budget > n_pool:
    st.warning(
        f"At this leaked share the pool has {n_pool:,} documents, fewer than the budget of "
        f"{setting.budget:,}. Lower the budget or raise the share.",
        icon=":material/inventory_2:",
    )
    st.stop()
cells = titration_controls.live_cells(path, known, setting)
live_rows = pd.DataFrame(titration_controls.as_rows(cells, setting))
budget = nearest_budget(grid, setting.budget)

with headline:
    strategy = Strategy.SELECT if Strategy.SELECT in set(grid["strategy"]) else setting.selector
    if budget is not None:
        n_draws = grid["seed"].nunique()
        source = f"Measured at budget {budget:,}, with {n_draws} draws per leaked share."
        show_standing(titration_finding(grid.to_dict("records"), strategy, budget), source)
    else:
        found = titration_finding(live_rows.to_dict("records"), setting.selector, setting.budget)
        source = (
            "From the single live selection below: this audit has no measured grid. `assay "
            "titrate` creates one."
        )
        show_standing(found, source)

st.caption(
    f"Live: the pool has {n_pool:,} documents, {n_leaked:,} of them training documents "
    f"({n_leaked / max(n_pool, 1):.1%}; there are {counts.n_leaked:,} in all). "
    f"{markdown_safe(shown_as(setting.selector))} selects "
    f"{len(cells[setting.selector].documents):,}."
)
drawn = [name for name, cell in cells.items() if Metric.EQUAL_SCORES in cell.figures]
if drawn:
    st.caption(markdown_safe(f"{drawn_sentence(drawn)}"))
show_live(cells, setting)

left, right = st.columns([3, 2])
with left:
    st.subheader(setting.metric.info.title, anchor=False)
    here = grid[(grid["budget"] == budget) & (grid["metric"] == setting.metric)]
    others = [n for n in known.selectors if n not in cells and n in set(here["strategy"])]
    added = (
        st.multiselect(
            "Compare with", others, format_func=shown_as, key="compare", bind="query-params"
        )
        if others
        else []
    )
    figure = titration_plot(here, cells, setting, [*cells, *added])
    show_chart(figure, key="titration", alt="The metric against leaked share")
    if here.empty:
        st.caption(
            "Stars: live selections, the chosen strategy's is filled. There are no measured points."
        )
    else:
        st.caption(
            f"Points: measured at budget {budget:,}"
            + ("" if budget == setting.budget else f" (the nearest to {setting.budget:,})")
            + f", mean of {here['seed'].nunique()} draws, shifted slightly so that they do not "
            "overlap. Thick bars: 95% t-interval, if there are three draws or more and they "
            "differ; thin bars: lowest to highest. Dotted lines only guide the eye. Stars: live "
            "selections. " + markdown_safe(best_possible(here, setting.metric) or "")
        )
chosen, picked = cells[setting.selector], None
with right:
    st.subheader("The live selection", anchor=False)
    places = reads.places(path)
    if not len(places):
        st.caption("This audit has no map.")
    else:
        figure = selection_map(places, chosen, known, bool(known.is_held_out.any()))
        picked = show_chart(
            figure,
            key="map",
            on_select="rerun",
            selection_mode="points",
            alt="Selected documents over the pool",
        )
        st.caption(
            "Grey: density of the pool at this leaked share. Click a point to see its document. "
            + markdown_safe(settings_line(facts.meta.map))
        )

show_live_documents(path, chosen, known, setting, picked)
if not here.empty:
    st.subheader("All strategies, measured", anchor=False)
    exported_table(
        of_audit(path),
        "titration",
        measured_table(here, setting.metric),
        note=f"Mean over draws, each with other leaked documents; {HOW_SPREADS_READ}. The final "
        "model is always the same, so this does not include the variation between training runs.",
        chosen={"metric": str(setting.metric), "budget": budget},
    )
if setting.metric in (Metric.ACCURACY, Metric.AGREEMENT):
    st.caption("Student metrics are only available as measured points.")
    if spec.student_note:
        st.caption(spec.student_note)
with st.expander("Controls", icon=":material/balance:"):
    st.write(
        "**random** is the null. **P-min** selects the documents with the lowest loss under the "
        "base model. **text alone** is a classifier that sees only words and no model: it is "
        "trained on the known roles of four fifths of the documents and scores the rest, in five "
        "folds. It knows more than an outsider could. If its membership AUC is above 0.5, "
        "training and held-out documents differ in their words, and only the part of a strategy's "
        "membership AUC above it counts."
        + (
            ""
            if titration_controls.has_blind(known)
            else " It has no scores in this audit, because all documents have the same role."
        )
    )
    st.write(
        "An AUC ranks the whole pool by each strategy's own score: random order for random, the "
        "cosine for top\\-k (within the pseudolabel for balanced), the loss for P\\-min and "
        "P\\-max, and for the SELECT variants the order of selection, then the cosine."
    )
