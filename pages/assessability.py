"""Whether the weights allow an answer at all, and what they show before any document is read."""

from __future__ import annotations

import streamlit as st

from pages.parts import audits
from pages.parts.assessability import (
    show_facts,
    show_hints,
    show_layer_chart,
    show_layer_table,
    show_verdict,
)
from pages.parts.entry import enter
from pages.parts.plain import markdown_safe

enter()

path = audits.chosen_audit(even_if_not_assessable=True)
facts = audits.facts(path)
layers = audits.layers(path)

st.title("Assessability")
st.caption(
    f"{markdown_safe(facts.meta['title'])} · asked before any document is scored. Models are read "
    "from safetensors only: pickled weights are refused, code that comes with a model is never run."
)
show_verdict(facts)
show_facts(facts)
show_hints(facts)
show_layer_chart(layers)
show_layer_table(path, layers)
