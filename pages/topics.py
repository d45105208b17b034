"""A model's knowledge as it lists it: the topic tree, with the support of every topic."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from assay.cache.annotations.annotations import Annotated
from assay.cache.decompressions.read import ExampleFilter
from assay.cache.files.sealed import delete_decompression
from assay.pages.components.annotations.deletion import deletable_with_annotations
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.decompression import reads
from assay.pages.components.decompression.export import export_examples
from assay.pages.components.decompression.gaps import show_gaps
from assay.pages.components.decompression.judges import chosen_judge, judge_line
from assay.pages.components.decompression.topics import (
    COLOURINGS,
    PROMPTS,
    clickable_tree,
    colouring,
    picked_topic,
    show_headline,
    show_how,
    show_topic,
    topic_table,
)
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.navigation import enter
from assay.pages.components.search_box import search_box

enter()

st.title("Topics")
reads.show_running()
path = reads.chosen_decompression()
meta = reads.meta(path)
judge = chosen_judge(meta)
tree = reads.tree(path, judge)

st.caption(
    markdown_safe(
        f"{meta.title} · {meta.model.name} · {meta.created_at[:10]} · run by "
        f"{meta.model.backend} · {PROMPTS[meta.prompting]}"
    )
)
reads.show_caveats(meta)
show_headline(meta, tree)

accept_choice("view", "View", ("Tree", "List"))
accept_choice("topic", "Topic", tree["topic_id"])
left, right = st.columns([5, 3])
with left:
    as_boxes, as_list = st.tabs(["Tree", "List"], key="view", bind="query-params")
with as_boxes:
    accept_choice("colour", "Colour", COLOURINGS)
    chosen = st.segmented_control(
        "Colour", list(COLOURINGS), default="support", key="colour", bind="query-params"
    )
    clickable_tree(tree, colouring(chosen or "support", meta, tree))
    st.caption(f"Click a topic to see its examples. {COLOURINGS[chosen or 'support']}")
    if chosen == "quality":
        st.caption(judge_line(meta, judge))
with as_list:
    search = search_box(as_list, "Search topics", "part of a name")
    own = tree[tree["parent_id"].notna()]
    found = own[own["path"].str.contains(search, case=False, regex=False)]
    if found.empty:
        st.info("No topic matches the search.", icon=":material/filter_alt_off:")
    else:
        topic_table(found, view=f"{path.stem} {search}")
with right:
    if meta.counts.n_examples:
        with st.container(horizontal=True, horizontal_alignment="right"):
            export_examples(path, ExampleFilter())
    links = pd.DataFrame(reads.links(path))
    show_topic(path, tree, picked_topic(tree), meta, links)
st.subheader("Knowledge gaps", anchor=False)
show_gaps(path, meta, judge)
show_how(meta, reads.rungs(path))
reads.show_stopped()
deletable_with_annotations(
    Annotated.decompression(path.stem),
    "examples",
    meta.title,
    "This deletes the file permanently. The model's answers stay in its journal, so the same "
    "decompression can be made again without repeating any call.",
    delete_decompression,
    named_by="decompression",
)
