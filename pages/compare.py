"""How do several audits differ, and how sure is that?"""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_comparison
from assay.core.findings.comparison_tables import (
    OVERLAPS_NOTE,
    metrics_of,
    overlaps_table,
    sides_note,
    sides_table,
)
from assay.pages.components.audit import reads
from assay.pages.components.audit.choices import choose_strategy
from assay.pages.components.charts import show_chart
from assay.pages.components.compare.charts import overlap_plot, small_multiples
from assay.pages.components.compare.choice import chosen_audits, show_legend
from assay.pages.components.compare.documents import show_documents
from assay.pages.components.compare.findings import (
    show_answer,
    show_answers_of_each,
    show_differences,
    show_settings,
    table_height,
)
from assay.pages.components.compare.reads import comparison, selected
from assay.pages.components.export import column_meanings, exported_table
from assay.pages.components.navigation import enter

enter()

st.title("Compare")
paths = tuple(chosen_audits())
found, origin = comparison(paths), of_comparison(paths)
show_legend(paths)
show_answer(found)
show_settings(found, origin)
show_answers_of_each(paths)
show_differences(found, origin)

if found.leading is None:
    st.info("None of these audits selected documents.", icon=":material/info:")
    st.stop()
assert found.leading is not None
st.subheader("Selections side by side", anchor=False)
strategy = choose_strategy(st.columns(3)[0], found.strategies, found.leading)
if metrics := metrics_of(found, strategy):
    show_chart(
        small_multiples(found, strategy, metrics),
        key="multiples",
        alt=f"Metrics of {strategy.shown_as} in each audit, with intervals",
    )
    st.caption("Bars: 95% intervals. Grey: chance, 95% of random selections.")
titles = [reads.facts(path).meta.title for path in paths]
exported_table(
    origin,
    "side-by-side",
    sides_table(found, strategy, titles),
    note=sides_note(metrics),
    chosen={"strategy": str(strategy)},
    column_config=column_meanings(metrics),
)

st.subheader("Documents in common", anchor=False)
if found.overlaps:
    if len(paths) > 2:
        left, right = st.columns([2, 3])
        with left:
            show_chart(
                overlap_plot(found, strategy),
                key="overlaps",
                alt=f"Documents of {strategy.shown_as} in common, for every pair of audits",
            )
    else:
        right = st.container()
    with right:
        overlaps = overlaps_table(found)
        exported_table(
            origin, "overlaps", overlaps, note=OVERLAPS_NOTE, height=table_height(len(overlaps))
        )
else:
    st.info(
        "No two of these audits used the same strategy on documents that both search.",
        icon=":material/info:",
    )

st.subheader(f"Documents that each audit selected: {strategy.shown_as}", anchor=False)
show_documents(paths, selected(paths, strategy), strategy, origin)
