"""Which classes, or which sources, the selected documents come from."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_audit
from assay.core.findings.class_shares import (
    POOL,
    REFERENCE,
    balance_table,
    random_bands,
    share_table,
)
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import decimal, possessive
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import main_strategy
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads
from assay.pages.components.audit.class_balance import balance_figure
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.navigation import enter
from assay.pages.components.null_comparison import beside
from assay.pages.components.palette import ink

enter()

path = reads.chosen_audit("class_balance")
facts = reads.facts(path)
names, counts = facts.label_names, facts.meta.counts
rows = MetricTable(reads.metrics(path).to_dict("records"))

st.caption(
    f"{markdown_safe(facts.meta.title)} · classes and sources of the selections, compared with the "
    "seed corpus" + (" and the reference set" if counts.n_reference else "")
)
kinds = ["label", "source"] if names else ["source"]
accept_choice("by", "By", kinds)
kind = st.segmented_control(
    "By", kinds, default=kinds[0], required=True, key="by", bind="query-params"
)
if kind == "label":
    found = reads.label_counts(path)
    found = found.assign(group=[names[label] for label in found["label"]])
    groups = names
else:
    found = reads.source_counts(path).rename(columns={"source": "group"})
    groups = reads.sources(path)
table = share_table(found, groups)
strategies = [strategy for strategy in facts.strategies if strategy in table]
bands = random_bands(table[POOL], counts.n_documents, facts.spec.budget)
figure = balance_figure(table, bands, strategies, ink())
show_chart(figure, key="balance", alt="Shares of each strategy's selection")
by_label = kind == "label"
how = "the final model's pseudolabels (also used for the seed corpus)" if by_label else "source"
whose = "the reference set's own labels" if by_label else "reference documents in the seed corpus"
st.caption(
    f"Bars: selection, by {how}. "
    + (f"Diamonds: {whose}. " if REFERENCE in table else "")
    + f"Grey: central 95% of random selections of {facts.spec.budget:,} "
    "(hypergeometric). Vertical lines: seed corpus."
    + (" In a narrow window, scroll the chart sideways." if len(strategies) > 2 else "")
)

main = main_strategy(strategies)
judged = rows.get(main, Metric.IMBALANCE) if kind == "label" else None
exported_table(
    of_audit(path),
    "balance",
    balance_table(table, rows if kind == "label" else MetricTable([]), strategies),
    note=markdown_safe(
        f"Imbalance of {possessive(main.shown_as)} selection: {decimal(judged['value'])}; "
        f"{beside(judged, is_share=False)}."
    )
    if judged
    else "",
    chosen={"by": kind},
)
