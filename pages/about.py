"""How to read the charts, what an audit cannot show, and a glossary."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from assay.core.findings import method_text
from assay.pages.components.navigation import enter

enter()

st.title("About the method")
for paragraph in method_text.IN_PLAIN_WORDS:
    st.write(paragraph)

left, right = st.columns(2)
for column, title, lines in (
    (left, "What an audit can show", method_text.WHAT_IT_SHOWS),
    (right, "What it cannot", method_text.WHAT_IT_CANNOT),
):
    with column.container(border=True, height="stretch"):
        st.subheader(title, anchor=False)
        for line in lines:
            st.write(f"- {line}")

st.subheader("What the pictures mean", anchor=False)
for name, meaning in method_text.PICTURES.items():
    st.write(f"**{name}.** {meaning}")

st.subheader("Who asks, with what", anchor=False)
for paragraph in method_text.THREAT_MODEL:
    st.write(paragraph)

st.subheader("Words", anchor=False)
st.table(pd.DataFrame({"meaning": method_text.GLOSSARY}).rename_axis("word"))
st.caption(
    "The method is that of “Approximating Language Model Training Data from Weights” (2025); "
    "where Assay departs from the paper, its code says so."
)
