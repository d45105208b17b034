"""Whether the weights allow an answer, and what they show before any document is read."""

from __future__ import annotations

import streamlit as st

from assay.pages.components.audit import reads
from assay.pages.components.audit.assessability import (
    show_facts,
    show_hints,
    show_layer_chart,
    show_layer_table,
    show_verdict,
)
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("assessability", even_if_not_assessable=True)
facts = reads.facts(path)
layers = reads.layers(path)

st.caption(
    f"{markdown_safe(facts.meta.title)} · checked before any document is scored. Models are "
    "read from safetensors only: pickled weights are refused, and code that comes with a model is "
    "never run."
)
show_verdict(facts)
show_facts(facts)
show_hints(facts)
show_layer_chart(layers)
show_layer_table(path, layers)
