"""Which of several public corpora the weights point to, if any."""

from __future__ import annotations

import streamlit as st

from assay.cache.audits.model_pair import same_pair
from assay.cache.export import of_audit
from assay.cache.store import Store
from assay.core.findings.corpus_ranking import (
    HOW_COSINES_READ,
    HOW_SHARES_READ,
    HOW_STUDENTS_READ,
    corpus_ranking_finding,
    group_table,
)
from assay.pages.components.audit import reads
from assay.pages.components.audit.corpus_ranking import (
    cosine_chart,
    groups,
    mixture_chart,
    source_students,
)
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.job_offer import offer_job
from assay.pages.components.navigation import enter
from assay.pages.components.own_page import link_to_own_page
from assay.pages.components.page_table import PAGES

enter()

_ONE_DIGIT = {
    name: st.column_config.NumberColumn(format="%.1f")
    for name in ("by cosine, %", "reference set, %")
}
path = reads.chosen_audit("corpora")
facts = reads.facts(path)
found = groups(path)

st.caption(
    f"{markdown_safe(facts.meta.title)} · which of several public corpora the weight difference "
    "points to, if any"
)
if found.empty:
    st.info("This audit does not rank corpora.", icon=":material/info:")
    for other in same_pair(Store.default(), path).rankings:
        title = reads.facts(other).meta.title
        link_to_own_page(
            f"Corpora ranked for the same models: {markdown_safe(title)}",
            PAGES["corpora"].icon,
            {"audit": other.stem},
        )
    offer_job(
        "rank-corpora",
        "Rank corpora",
        "assay rank-corpora --base BASE --final FINAL \\\n  --corpus ONE --corpus ANOTHER",
    )
    st.stop()

sources = found[found["kind"] == "source"]
classes = found[found["kind"] == "class"].assign(
    name=lambda rows: [facts.label_names[int(name)] for name in rows["name"]]
)
students = source_students(path)
verdict = corpus_ranking_finding(
    sources.to_dict("records"), students.to_dict("records"), facts.meta.projection
)
with st.container(border=True):
    st.subheader(markdown_safe(verdict.headline), anchor=False)
    for sentence in verdict.sentences:
        st.write(markdown_safe(sentence))

left, right = st.columns(2)
with left:
    st.subheader("Cosine with the weight difference", anchor=False)
    show_chart(cosine_chart(sources, students), key="cosines", alt="Cosine of each corpus")
    st.caption(
        "Points: cosine with its 95% interval. Grey: 95% of what chance gives."
        + (" Crosses: models trained here on half of each corpus." if len(students) else "")
    )
with right:
    st.subheader("As a mixture of these corpora", anchor=False)
    show_chart(mixture_chart(sources), key="mixture", alt="Mixture of the corpora")
    st.caption(
        "Points: a corpus' share of the mixture that fits best, with its 95% interval. Hollow "
        "points: share by cosine."
    )
exported_table(
    of_audit(path),
    "sets",
    group_table(sources, "corpus", students),
    note="Square brackets: 95% intervals."
    + (" If trained on it: the crosses, one value a model." if len(students) else ""),
    column_config=_ONE_DIGIT,
)

with st.expander("How these are measured", icon=":material/balance:"):
    st.write(markdown_safe(HOW_COSINES_READ))
    st.write(markdown_safe(HOW_SHARES_READ))
    st.write(
        f"If trained on it: {markdown_safe(HOW_STUDENTS_READ)}"
        if len(students)
        else "The cosine that the true training set would have was not measured. That needs "
        "`--students`, which works with last-layer gradients only."
    )

if len(classes):
    st.subheader("As a mixture of classes", anchor=False)
    show_chart(mixture_chart(classes), key="classes", alt="Mixture of the classes")
    exported_table(
        of_audit(path),
        "classes",
        group_table(classes, "class"),
        note="All documents, grouped by pseudolabel: the label that the final model gives them."
        + (" Stars: the reference set's shares." if classes["true_share"].notna().any() else ""),
        column_config=_ONE_DIGIT,
    )
