"""The ranked documents of one strategy: search, filter, read, export."""

from __future__ import annotations

import streamlit as st

from assay.cache.among import Among
from assay.cache.audits.read import SelectionFilter
from assay.core.findings.beside_random import few_draws_sentence
from assay.core.findings.equal_scores import drawn_among, drawn_sentence
from assay.core.findings.finding import MetricTable
from assay.core.findings.projection import projection_sentence
from assay.core.specs.metrics import Metric
from assay.pages.components.annotations.choices import choose_annotations
from assay.pages.components.annotations.documents import said_of
from assay.pages.components.asked_for import accept_switch, say_not_offered
from assay.pages.components.audit import reads
from assay.pages.components.audit.choices import (
    among_both,
    choose_documents,
    choose_labels,
    choose_sources,
    choose_strategy,
    search_texts,
)
from assay.pages.components.audit.selection import (
    ROWS_PER_PAGE,
    ranked_table,
    show_chosen,
    show_export,
)
from assay.pages.components.charts import objective_curves, show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.evidence_links import DOCUMENT
from assay.pages.components.navigation import enter
from assay.pages.components.paging import first_row

enter()

_LOCATED = "Only reference documents"
path = reads.chosen_audit("selection")
facts = reads.facts(path)
strategies, names = facts.strategies, facts.label_names

st.caption(
    f"{markdown_safe(facts.meta.title)} · documents of the seed corpus, in the order in which "
    "the strategy selected them"
)

with st.container(key="roomy selection controls"):
    widths = [3, 3, 3, 4]  # the last has room for the switch, and the rows stand in line
    first, second, third, fourth = st.columns(widths)
    fifth, sixth, seventh, eighth = st.columns(widths, vertical_alignment="bottom")
strategy = choose_strategy(first, strategies)
search, labels = search_texts(second), choose_labels(third, names)
sources = choose_sources(fourth, reads.sources(path))
said = said_of(path)
annotated = choose_annotations(fifth, sixth, said)
linked = choose_documents(seventh, facts.meta.counts.n_documents)
only_located = False
if facts.meta.counts.n_leaked:
    accept_switch("located", _LOCATED)
    only_located = eighth.toggle(_LOCATED, key="located", bind="query-params")
else:
    say_not_offered("located", _LOCATED)
if linked is not None:
    linked.show_wrong(facts.meta.counts.n_documents)

drawn = drawn_among(MetricTable(reads.metrics(path).to_dict("records")), [strategy])
if drawn:
    st.warning(markdown_safe(drawn_sentence(drawn) or ""), icon=":material/casino:")
among = among_both(linked, Among.annotated(annotated, said))
chosen = SelectionFilter(search, labels, sources, only_located, among)
n_rows = reads.selection(path, strategy, chosen, 1, 0).n_rows
offset = first_row(n_rows, ROWS_PER_PAGE, "document")

if n_rows == 0:
    st.info(
        "No document of this selection matches the search and filters.",
        icon=":material/filter_alt_off:",
    )
else:
    page = reads.selection(path, strategy, chosen, ROWS_PER_PAGE, offset)
    asked = st.query_params.get(DOCUMENT)
    view = f"{path.stem} {strategy} {hash(chosen)} {offset}"
    picked = ranked_table(page.rows, facts, said, view)
    show_export(path, strategy, chosen, annotated, linked, names, n_rows > len(page.rows))
    show_chosen(path, picked, asked, facts)

with st.expander("How the cosine grows with the selection", icon=":material/show_chart:"):
    cosine = MetricTable(reads.metrics(path).to_dict("records")).get(strategy, Metric.COSINE)
    by_chance = markdown_safe(cosine["null_kind"]) if cosine else "random selections"
    curves = reads.objective(path, tuple(strategies))
    figure = objective_curves(curves, strategies, reads.random_objective(path))
    show_chart(
        figure,
        key="objective",
        alt="Cosine with the weight difference against number of selected documents",
    )
    st.caption(f"Grey: central 95% of {by_chance} of each size. {few_draws_sentence(cosine)}")
    if facts.meta.projection:
        st.caption(markdown_safe(projection_sentence(facts.meta.projection)))
