"""Were these documents trained on? Suspect tests, each with its checks, p-value and assumptions."""

from __future__ import annotations

import streamlit as st

from assay.cache.annotations.annotations import Annotated
from assay.cache.audits.model_pair import (
    audits_of,
    delete_suspect_test,
    n_deleted_tests,
    suspect_tests_of,
)
from assay.cache.export import of_suspect_test
from assay.cache.store import Store
from assay.core.findings.suspect_test import (
    ASSUMPTIONS,
    HOW_TO_READ,
    checks_table,
    declared,
    n_judged,
    parts_table,
    set_sizes,
    suspect_finding,
)
from assay.pages.components.annotations.deletion import deletable_with_annotations
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.job_offer import offer_job
from assay.pages.components.navigation import enter
from assay.pages.components.record_picker import pick_record
from assay.pages.components.store.suspects import provenance_table, score_plot, show_documents

enter()

st.title("Suspects")
st.caption(
    "Tests whether documents (suspects) were trained on, by comparing them with similar documents "
    "that certainly were not (controls)."
)
store = Store.default()
record = pick_record(store.suspect_tests, "suspects", "test", "suspect test")
if record is None:
    st.write("There is no suspect test yet. It needs a model pair and the two sets of documents:")
    offer_job(
        "suspect",
        "New suspect test",
        "assay suspect --base BASE --final FINAL \\\n"
        "  --suspects suspects.jsonl --controls controls.jsonl",
    )
    st.stop()
assert record is not None

n_deleted = n_deleted_tests(store, record.pair)
said = suspect_finding(record, n_judged(suspect_tests_of(store, record.pair)) + n_deleted)
with st.container(border=True):
    st.subheader(markdown_safe(said.headline), anchor=False)
    for sentence in said.sentences:
        st.write(markdown_safe(sentence))
    st.caption(set_sizes(record))
    if n_deleted:
        kept = "test of these models was deleted and still counts"
        if n_deleted > 1:
            kept = "tests of these models were deleted and still count"
        st.caption(f"{n_deleted:,} {kept} in the correction.")

st.subheader("Are the two sets comparable?", anchor=False)
origin = of_suspect_test(record)
exported_table(origin, "checks", checks_table(record), note=HOW_TO_READ)

if not record.is_refused:
    st.subheader("Suspects against controls", anchor=False)
    show_chart(score_plot(record), key="scores", alt="Scores of both sets")
    exported_table(origin, "parts", parts_table(record), note=markdown_safe(declared(record)))
    # Records of earlier versions do not name their documents.
    if record.documents is not None:
        st.subheader("Every document", anchor=False)
        show_documents(record, audits_of(store, record.pair), origin)

st.subheader("Assumptions", anchor=False)
for line in ASSUMPTIONS:
    st.write(f"- {markdown_safe(line)}")
if record.caveats:
    st.subheader("Caveats", anchor=False)
    for line in record.caveats:
        st.write(f"- {markdown_safe(line)}")
with st.expander("Provenance", icon=":material/fingerprint:"):
    exported_table(origin, "provenance", provenance_table(record))
deletable_with_annotations(
    Annotated.suspect_test(record.test_id),
    "documents",
    record.title,
    "This deletes the record permanently. The test still counts: other tests of the same models "
    "stay corrected for it.",
    delete_suspect_test,
    named_by="test",
)
