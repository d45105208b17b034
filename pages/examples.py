"""What a model wrote about its topics: filters, full text, and marks."""

from __future__ import annotations

import streamlit as st

from assay.cache.annotations.annotations import example_annotations
from assay.cache.decompressions.read import read_examples
from assay.cache.store import Store
from assay.pages.components.decompression import reads
from assay.pages.components.decompression.examples import (
    ROWS_PER_PAGE,
    choose_examples,
    example_table,
    go_to_example,
    show_example,
)
from assay.pages.components.decompression.export import export_examples
from assay.pages.components.decompression.judges import chosen_judge, judge_line
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import sideways
from assay.pages.components.navigation import enter
from assay.pages.components.paging import first_row

enter()

st.title("Examples")
path = reads.chosen_decompression()
meta = reads.meta(path)
judge = chosen_judge(meta)
tree = reads.tree(path, judge)
st.caption(markdown_safe(f"{meta.title} · {meta.model.name}"))
reads.show_caveats(meta)
st.caption(judge_line(meta, judge))
if not meta.counts.n_examples:
    st.info(
        "This decompression has no examples: the budget was used up, or --examples was 0.",
        icon=":material/info:",
    )
    st.stop()

said = example_annotations(Store.default(), path.stem)
chosen, annotated = choose_examples(tree, said)
n_rows = read_examples(path, chosen, 1).n_rows
go_to_example(path, chosen)
offset = first_row(n_rows, ROWS_PER_PAGE, "example")
if n_rows == 0:
    st.info("No example matches the filters.", icon=":material/filter_alt_off:")
    st.stop()
page = read_examples(path, chosen, ROWS_PER_PAGE, offset, judge)
example_id = example_table(page.rows, said, view=f"{path.stem} {hash(chosen)} {offset}")
with st.container(horizontal=True, horizontal_alignment="right"):
    st.caption(sideways(""))
    export_examples(path, chosen, annotated)
show_example(path, example_id, said)
