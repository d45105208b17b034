"""One audit as a presentation: what was asked, how it works, what was found, how sure that is."""

from __future__ import annotations

import streamlit as st

from assay.core.specs.audit import Assessability
from assay.pages.components.audit import reads
from assay.pages.components.audit.documents_to_send import (
    show_downloads,
    show_figures,
    show_inside,
)
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("present", even_if_not_assessable=True)
facts = reads.facts(path)

st.caption(
    f"{markdown_safe(facts.meta.title)} · click a slide first; then the arrow keys turn the "
    "slides, and F shows them full screen"
)
with st.container(horizontal=True, vertical_alignment="center"):
    page = reads.story(path)
    show_downloads(page, f"{path.stem}-slides")
    if facts.assessability is not Assessability.NOT_ASSESSABLE:
        show_figures(path)
show_inside(page, 680, "The presentation, one slide at a time")
st.caption("In a terminal:")
st.code(
    f"assay present {path.stem} --out slides.html --pdf slides.pdf --figures figures",
    language=None,
    wrap_lines=True,
)
