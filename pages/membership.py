"""Which way of ranking documents tells used from held-out ones best, SELECT included."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_audit
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent
from assay.core.findings.membership import membership_finding
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, baselines_for, main_strategy, shown_as
from assay.pages.components.audit import reads
from assay.pages.components.audit.membership import (
    MEANING,
    OVER_SEEDS,
    judged,
    limits_table,
    members_table,
    rankings,
    roc_plot,
    what_is_missing,
)
from assay.pages.components.audit.membership_documents import show_likeliest
from assay.pages.components.audit.repeats import show_over_seeds
from assay.pages.components.charts import CONFIG
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit()
facts, metrics = reads.facts(path), reads.metrics(path)
spec, counts = facts.spec, facts.meta["counts"]
rows = MetricTable(metrics.to_dict("records"))
main = main_strategy(facts.strategies)

st.title("Membership")
st.caption(
    f"{markdown_safe(facts.meta['title'])} · {counts['n_leaked']:,} trained and "
    f"{counts['n_held_out']:,} held-out documents of one kind"
)
found, missing = membership_finding(rows.all(), main), what_is_missing(facts)
if found is None or missing:
    st.info(markdown_safe(missing or "This audit judged no ranking."), icon=":material/info:")
    st.write("Members can be told from held-out documents where an audit is given both:")
    st.code(
        "assay audit … --reference train.parquet \\\n"
        "  --seed-corpus train.parquet --seed-corpus heldout.parquet \\\n"
        "  --held-out-source heldout",
        language="bash",
    )
    st.stop()
assert found is not None

with st.container(border=True):
    st.subheader(markdown_safe(found.headline), anchor=False)
    st.write(markdown_safe(found.sentence))
    st.caption(
        "The p-values of all rankings are counted together (Bonferroni): the best of many is "
        "often good by luck. A ranking counts as telling members only where it also does better "
        "than text alone."
    )

names = judged(rows)
st.subheader("Every ranking", anchor=False)
truth = counts["n_leaked"] / (counts["n_leaked"] + counts["n_held_out"])
strict = (
    ""
    if rows.get(main, Metric.MEMBERSHIP_TPR_STRICT)
    else " What is found at 0.1% mistaken needs 1,000 held-out documents or more."
)
exported_table(
    of_audit(path),
    "rankings",
    members_table(rows, names),
    note="Best first. Square brackets: 95% intervals. “By chance”: the central 95% of shuffled "
    "roles; an AUC of 0.500 knows nothing, and chance finds as many as it mistakes. “Above the "
    f"main strategy”: paired with {markdown_safe(main.shown_as)} on the same documents. Domain AUC "
    "tells the reference set's kind of text from other text, which is no evidence of membership. "
    "“Estimated share trained” is read off a random half of the documents by rates learnt from "
    f"the other half (Rogan and Gladen); the truth is {percent(truth)}. Where it is missing the "
    "ranking tells too little for an estimate." + strict,
)

if not show_over_seeds(path, names, OVER_SEEDS):
    st.caption(
        "This is one final model: the intervals say nothing of how figures vary between trainings. "
        "Ask the same, with another `--seed`, of final models trained alike with other seeds, "
        "and all are put together here, with t-intervals from three on."
    )

task = spec.task
usual = [*dict.fromkeys([found.winner, main, *baselines_for(task), Strategy.RANDOM, BLIND])]
st.subheader("Found against mistaken", anchor=False)
drawn = st.multiselect(
    "Rankings",
    names,
    default=[name for name in usual if name in names],
    format_func=shown_as,
    key="rankings",
    bind="query-params",
)
figure = roc_plot(rankings(path, spec.held_out_source), drawn)
st.plotly_chart(figure, config=CONFIG, key="roc", alt="True against false positive rate")
st.caption(
    "Both axes are logarithmic: an accusation needs the left edge, where few held-out documents "
    "may be mistaken. Dashed: baselines that use no gradient. The leftmost steps are single "
    "documents, and their intervals are wide."
)

st.subheader("The likeliest documents", anchor=False)
ranking = st.selectbox(
    "By",
    names,
    index=names.index(found.winner),
    format_func=shown_as,
    key="by",
    bind="query-params",
    width=320,
)
show_likeliest(path, ranking, spec.held_out_source, spec.seed)

st.subheader("Detection limit", anchor=False)
exported_table(
    of_audit(path),
    "detection-limits",
    limits_table(rows, facts),
    note="The smallest share of the reference set in the pool that the selection would have held "
    "significantly many of (p < 0.01) in four of five cases, at this budget; in square brackets "
    "the same at the ends of the odds ratio's 95% interval. Assumed: a leaked document is as many "
    "times as likely to be selected as it was here (noncentral hypergeometric law), and the other "
    "documents stay as they are. The second column counts documents of the domain alone.",
)

with st.expander("What the rankings are", icon=":material/balance:"):
    for baseline in baselines_for(task):
        st.write(f"- **{markdown_safe(shown_as(baseline))}**: {markdown_safe(MEANING[baseline])}.")
    if task is Task.CLASSIFICATION:
        st.write(
            "Min\\-K%\\+\\+, zlib, the error zone and windows need the losses of many tokens; a "
            "classifier has one label a document, so they do not apply. The label is the final "
            "model's own: the true one is unknown to an outsider."
        )
    st.write(
        "- **text alone** sees no model but is told the roles of four fifths of the documents. "
        "Where it is above chance the two groups differ in their words, and a membership AUC "
        "means no more than what it has above it."
    )
    st.write(
        f"- **{Strategy.EMBEDDING_MATCH.shown_as}**: how far the rows of a document's tokens moved "
        "along its own gradients, less its tokens whose rows stood still."
    )
    st.write(
        "- Strategies rank by their own order: SELECT and its kin by the order of selection, then "
        "the cosine; P\\-min and P\\-max by the base model's loss."
    )
