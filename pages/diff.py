"""How two models or versions differ beyond the noise between runs of one model."""

from __future__ import annotations

from functools import partial

import streamlit as st

from assay.cache.export import of_diff
from assay.cache.files.sealed import delete_diff
from assay.cache.store import Store
from assay.core.findings.diff import diff_finding
from assay.pages.components.charts import show_chart
from assay.pages.components.decompression import diff_reads, diff_tables
from assay.pages.components.decompression.diff_chart import support_plot
from assay.pages.components.deletion import deletable
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.navigation import enter

enter()

store = Store.default()
st.title("Model diff")
st.caption(
    "Compares two models by the topics that they list when asked, and by the examples that they "
    "write. A difference shows that the models answer differently, not which one is right."
)
first, second = diff_reads.chosen_pair(store)
diff_reads.show_jobs(store, first, second)
found = diff_reads.diff_of(store, first, second)
if found is None:
    diff_reads.show_uncompared(store, first, second)
    st.stop()
assert found is not None
path, meta, topics = found.path, diff_reads.meta(found.path), diff_reads.topics(found.path)

said = diff_finding(meta)
with st.container(border=True):
    st.subheader(markdown_safe(said.headline), anchor=False)
    for sentence in said.sentences:
        st.write(markdown_safe(sentence))
    if not meta.noise:
        diff_reads.show_how_to_make_noise(store, meta)
for line in meta.caveats:
    st.warning(markdown_safe(line), icon=":material/warning:")

st.subheader("Topics", anchor=False)
left, right = st.columns([2, 3])
with left:
    floor = meta.topics.floor
    show_chart(
        support_plot(topics, floor.value if floor else None),
        key="support",
        alt="Support of every compared topic in A and in B",
    )
with right:
    diff_tables.show_how_topics_read(meta)
diff_tables.show_topics(topics, floor is not None, of_diff(path))

st.subheader("Examples", anchor=False)
diff_tables.show_examples(path, meta, of_diff(path))

st.subheader("Knowledge gaps", anchor=False)
branches = diff_reads.branches(path)
if branches.empty:
    st.info(
        "No topic below the root was expanded in both runs; knowledge gaps need --depth 2 or more.",
        icon=":material/info:",
    )
else:
    exported_table(
        of_diff(path), "branches", diff_tables.branch_table(branches), diff_tables.gap_note(meta)
    )
diff_tables.show_provenance(meta)
deletable(
    "diff",
    path.stem,
    f"{first} and {second}",
    "This deletes the file permanently. Both decompressions stay, so the same diff can be made "
    "again.",
    partial(delete_diff, store, path),
)
