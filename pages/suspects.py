"""Were these documents used? Suspect tests, each with its checks, p-value and assumptions."""

from __future__ import annotations

import streamlit as st

from core.suspicion import ASSUMPTIONS, declared, suspicion
from pages.parts.charts import CONFIG
from pages.parts.entry import enter
from pages.parts.plain import markdown_safe
from pages.parts.suspects import (
    checks_table,
    chosen_test,
    parts_table,
    provenance_table,
    score_plot,
)

enter()

st.title("Suspects")
st.caption("Documents an owner believes were used, against others like them that were not.")
record = chosen_test()
if record is None:
    st.write("There is no test to show. A test needs a model pair and two sets of documents:")
    st.code(
        "assay suspect --base BASE --final FINAL \\\n"
        "  --suspects mine.jsonl --controls alike-but-unpublished.jsonl",
        language="bash",
    )
    st.stop()
assert record is not None

said = suspicion(record)
with st.container(border=True):
    st.subheader(markdown_safe(said.headline), anchor=False)
    for sentence in said.sentences:
        st.write(markdown_safe(sentence))
    st.caption(
        f"{record['n_suspects']:,} suspects, {record['n_controls']:,} controls; "
        f"{record['n_dropped']:,} dropped that were in both sets, twice in one, or held nothing "
        "to score."
    )

st.subheader("Are the two sets alike?", anchor=False)
st.dataframe(checks_table(record), hide_index=True, height="content")
st.caption(
    "Square brackets: 95% intervals. Words: a classifier of words that is told which four fifths "
    "of the documents are suspects and asked the rest, and sees no model. Two sets alike are "
    "refused by chance in about one of ten tests. Sets that small differences or few documents "
    "keep from being told apart pass: a p-value is worth no more than the likeness of the sets."
)

if not record["is_refused"]:
    st.subheader("Suspects against controls", anchor=False)
    st.plotly_chart(score_plot(record), config=CONFIG, key="scores", alt="Scores of both sets")
    st.dataframe(parts_table(record), hide_index=True, height="content")
    st.caption(
        markdown_safe(declared(record))
        + f" Its p\\-value is from {record['n_shuffles']:,} shuffles of the roles, and counts; "
        "those of the parts are for information and not corrected for their number."
    )

st.subheader("What this takes for granted", anchor=False)
for line in (*ASSUMPTIONS, *record["caveats"]):
    st.write(f"- {markdown_safe(line)}")
with st.expander("Provenance", icon=":material/fingerprint:"):
    st.dataframe(provenance_table(record), hide_index=True)
