"""Which of several public sets the weights point to, if any."""

from __future__ import annotations

import streamlit as st

from core.attribution import attribution
from pages.parts import audits
from pages.parts.charts import CONFIG
from pages.parts.corpora import (
    cosine_chart,
    group_table,
    groups,
    mixture_chart,
    source_students,
)
from pages.parts.entry import enter
from pages.parts.export import exported_table
from pages.parts.plain import markdown_safe

enter()

path = audits.chosen_audit()
facts = audits.facts(path)
found = groups(path)

st.title("Public sets")
st.caption(
    f"{markdown_safe(facts.meta['title'])} · which of several candidate sets explains the weight "
    "difference"
)
if found.empty:
    st.info("This audit did not rank its corpora. In a terminal:", icon=":material/info:")
    st.code(
        "assay rank-corpora --base BASE --final FINAL \\\n  --corpus ONE --corpus ANOTHER",
        language="bash",
    )
    st.stop()

sources = found[found["kind"] == "source"]
classes = found[found["kind"] == "class"].assign(
    name=lambda rows: [facts.label_names[int(name)] for name in rows["name"]]
)
students = source_students(path)
verdict = attribution(sources.to_dict("records"), students.to_dict("records"))
with st.container(border=True):
    st.subheader(markdown_safe(verdict.headline), anchor=False)
    for sentence in verdict.sentences:
        st.write(markdown_safe(sentence))

left, right = st.columns(2)
with left:
    st.subheader("Cosine with the weight difference", anchor=False)
    st.plotly_chart(
        cosine_chart(sources, students), config=CONFIG, key="cosines", alt="Cosine of each set"
    )
    st.caption(
        "Of a set's mean gradient; bars: 95% of 200 redrawings of its documents. Grey: sets of the "
        "same size drawn from all documents together."
        + (
            " Crosses: what one half of the set reaches for a model trained here on its other "
            "half, labelled by the final model; the true set should come near."
            if len(students)
            else ""
        )
    )
with right:
    st.subheader("As a mixture of these sets", anchor=False)
    st.plotly_chart(mixture_chart(sources), config=CONFIG, key="mixture", alt="Mixture of the sets")
    st.caption(
        "Non-negative mixture of the mean gradients that fits the difference best, with 95% of "
        "200 redrawings; to first order its shares are those of the training documents. Hollow: a "
        "guess in proportion to the cosines alone."
    )
exported_table(path, "sets", group_table(sources, "set"))

if len(classes):
    st.subheader("As a mixture of classes", anchor=False)
    st.plotly_chart(
        mixture_chart(classes), config=CONFIG, key="classes", alt="Mixture of the classes"
    )
    st.caption("Documents grouped by pseudolabel. Stars: the reference set, where it is known.")
    exported_table(path, "classes", group_table(classes, "class"))
