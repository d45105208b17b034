"""Which ranking of documents best distinguishes training from held-out ones, SELECT included."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_audit
from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent
from assay.core.findings.membership import membership_finding
from assay.core.findings.rankings_table import judged, members_table
from assay.core.specs.data import Task
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import (
    BLIND,
    BY_TRAINED_PARTS,
    Strategy,
    baselines_for,
    main_strategy,
    shown_as,
)
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads
from assay.pages.components.audit.membership import (
    MEANING,
    OVER_SEEDS,
    limits_table,
    rankings,
    roc_plot,
    what_is_missing,
)
from assay.pages.components.audit.membership_documents import show_likeliest
from assay.pages.components.audit.repeats import show_over_seeds
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.job_offer import offer_job
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("membership")
facts, metrics = reads.facts(path), reads.metrics(path)
spec, counts = facts.spec, facts.meta.counts
rows = MetricTable(metrics.to_dict("records"))
main = main_strategy(facts.strategies)

st.caption(
    f"{markdown_safe(facts.meta.title)} · "
    + (
        f"{counts.n_leaked:,} training documents and {counts.n_held_out:,} held-out documents of "
        "the same domain"
        if counts.n_reference
        else "which ranking distinguishes training documents from others"
    )
)
found, missing = membership_finding(rows.all(), main), what_is_missing(facts)
if found is None or missing:
    st.info(
        markdown_safe(missing or "This audit cannot evaluate rankings."), icon=":material/info:"
    )
    st.write("To compare training documents with held-out ones, give the audit both:")
    offer_job(
        "audit",
        "New audit",
        "assay audit … --reference train.parquet \\\n"
        "  --seed-corpus train.parquet --seed-corpus heldout.parquet \\\n"
        "  --held-out-source heldout",
    )
    st.stop()
assert found is not None

with st.container(border=True):
    st.subheader(markdown_safe(found.headline), anchor=False)
    st.write(markdown_safe(found.sentence))
    st.caption(
        "The p-value is corrected for the number of rankings (Holm), because the best of "
        "many often looks good by luck. A ranking counts as finding training documents only if it "
        "also beats text alone. Random and text alone are controls and not counted as rankings."
    )

names = judged(rows)
st.subheader("All rankings", anchor=False)
truth = counts.n_leaked / (counts.n_leaked + counts.n_held_out)
strict = (
    ""
    if rows.get(main, Metric.MEMBERSHIP_TPR_STRICT)
    else " A false positive rate of 0.1% needs 1,000 held-out documents or more."
)
exported_table(
    of_audit(path),
    "rankings",
    members_table(rows, names),
    note="Best first. Square brackets: 95% intervals. “By chance”: the central 95% over shuffled "
    "roles; an AUC of 0.5 is chance. p-values are not corrected here. FPR: false positive rate. "
    "“AUC above the main strategy”: paired comparison with "
    f"{markdown_safe(main.shown_as)} on the same documents. Domain AUC separates the reference "
    "set's domain from other text, which is not evidence of membership. “Estimated share "
    "trained”: estimated on a random half of the documents, with error rates from the other half "
    f"(Rogan and Gladen); the truth is {percent(truth)}. It is missing if the ranking is too weak "
    "for an estimate." + strict,
)

if not show_over_seeds(path, names, OVER_SEEDS):
    st.caption(
        "This is one final model, so the intervals do not include the variation between training "
        "runs. Audit final models that were trained with other seeds, each with another `--seed`; "
        "this page then combines them, with t-intervals from three models on."
    )

task = spec.task
leading = (found.winner, *BY_TRAINED_PARTS, main)
usual = [*dict.fromkeys([*leading, *baselines_for(task), Strategy.RANDOM, BLIND])]
st.subheader("True and false positives", anchor=False)
accept_choice("rankings", "Rankings", names, shown_as)
drawn = st.multiselect(
    "Rankings",
    names,
    default=[name for name in usual if name in names],
    format_func=shown_as,
    key="rankings",
    bind="query-params",
)
figure = roc_plot(rankings(path, spec.held_out_source), drawn)
show_chart(figure, key="roc", alt="True positive rate against false positive rate")
st.caption(
    "Both axes are logarithmic, because the left edge counts: an accusation needs few false "
    "positives. Dashed: baselines that use no gradient. The leftmost steps are "
    "single documents, so they are uncertain."
)

st.subheader("Highest-ranked documents", anchor=False)
accept_choice("by", "By", names, shown_as)
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
    note="Found in the pool: how much of the reference set must be in the pool for the selection, "
    "at this budget, to contain significantly many training documents (p < 0.01) in four of five "
    "cases. Square brackets: the same for the ends of the odds ratio's 95% interval. Assumed: "
    "training documents stay as much likelier to be selected than others as they were here (odds "
    "ratio, noncentral hypergeometric distribution), and the other documents stay the same. "
    "Distinguished from held-out: the same, counting only documents of the domain.",
)

with st.expander("How each ranking works", icon=":material/balance:"):
    for baseline in baselines_for(task):
        st.write(f"- **{markdown_safe(shown_as(baseline))}**: {markdown_safe(MEANING[baseline])}.")
    if task is Task.CLASSIFICATION:
        st.write(
            "Min\\-K%\\+\\+, zlib, the error zone and windows need the losses of many tokens; a "
            "classifier predicts one label per document, so they do not apply. Losses use the "
            "final model's own label, because an outsider does not know the true one."
        )
    st.write(
        "- **text alone** is a classifier that sees no model and is trained on the known roles of "
        "four fifths of the documents. If it is above chance, the two groups differ in their "
        "words, and only the part of a membership AUC above it counts."
    )
    st.write(
        f"- **{Strategy.EMBEDDING_MATCH.shown_as}**: how far the rows of a document's tokens "
        "moved along its own gradients, plus how seldom rows like them moved at all, minus a "
        "penalty for tokens whose rows did not move."
    )
    if task is Task.SFT:
        st.write(
            f"- **{Strategy.LAYER_MATCH.shown_as}**: at how many of a document's tokens the linear "
            "layers moved along the token's gradient, after directions that all tokens share are "
            "reduced (K\\-FAC)."
        )
    st.write(
        f"- **{Strategy.EMBEDDING_SELECT.shown_as}**: SELECT over gradients at the input "
        "embeddings instead of the last layer."
    )
    st.write(
        f"- **{Strategy.VOCABULARY_MATCH.shown_as}**: how far the rows of a document's tokens "
        "moved, rare tokens counting more. It finds the domain rather than single documents."
    )
    st.write(
        f"- **{Strategy.LOSS_DROP.shown_as}**: by how many nats a token the final model's loss is "
        "below the base model's."
    )
    st.write(
        "- Strategies rank by their own criterion: the SELECT variants by order of selection, "
        "then by cosine; P\\-min and P\\-max by the base model's loss."
    )
