"""Whether a model's answers echo its training data, compared with its base model's answers."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_echo
from assay.cache.store import Store
from assay.core.findings.echo import echo_finding, targets_table
from assay.pages.components.charts import show_chart
from assay.pages.components.decompression.echo import lead_chart, provenance_table
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.job_offer import offer_job
from assay.pages.components.navigation import enter
from assay.pages.components.record_picker import deletable_record, pick_record

enter()

st.title("Echo")
st.caption(
    "Tests whether a final model's answers are nearer to its training data than its base model's "
    "answers are. The answers are the examples of two decompressions."
)
store = Store.default()
record = pick_record(store.echoes, "echo", "echo", "comparison")
if record is None:
    st.write(
        "There is no comparison yet. It needs an audit, and decompressions of both of the audit's "
        "models with the same options."
    )
    offer_job(
        "echo",
        "New echo",
        "assay decompress --model FINAL --title final\n"
        "assay decompress --model BASE --title base\n"
        "assay echo FINAL-DECOMPRESSION --control BASE-DECOMPRESSION --audit AUDIT",
    )
    st.write(
        "A model's answers can also serve as a corpus, to check whether the weight difference "
        "points to them:"
    )
    st.code(
        "assay rank-corpora --task sft --base BASE --final FINAL \\\n"
        "  --corpus decompression:FINAL-DECOMPRESSION --corpus decompression:BASE-DECOMPRESSION",
        language=None,
    )
    st.stop()
assert record is not None

said = echo_finding(record)
with st.container(border=True):
    st.subheader(markdown_safe(said.headline), anchor=False)
    for sentence in said.sentences:
        st.write(markdown_safe(sentence))
    st.caption(
        f"{record.n_said:,} answers of the final model, {record.n_control:,} of the base model."
    )

st.subheader("How much nearer the final model's answers are", anchor=False)
show_chart(lead_chart(record), key="leads", alt="How much nearer the final model is")
st.caption(
    "Right of zero: the final model's answers are nearer by this much, in transport distance "
    f"between sentence embeddings. Grey: chance, 95% of {record.n_shuffles:,} shuffles that swap "
    "whole topics between the two models. The headline tests one set of documents; the "
    "p\\-values of the others are for information only and not corrected for their number."
)
exported_table(
    of_echo(record),
    "echo",
    targets_table(record),
    note="Final | base: the final model's value, then the base model's. Verbatim: answers that "
    f"repeat at least {record.verbatim_words} words in a row from the documents. Longest run: of "
    "repeated words. Near duplicates: answers that nearly equal a document. A model that learned a "
    "style or a subject can be nearer without repeating a word; a model that shows no trace of its "
    "training data may still have learned it.",
)
for line in record.caveats:
    st.warning(markdown_safe(line), icon=":material/warning:")
with st.expander("Provenance", icon=":material/fingerprint:"):
    st.dataframe(provenance_table(record), hide_index=True)
deletable_record(
    store.echoes,
    record,
    "echo",
    "comparison",
    "This deletes the record permanently. The audit and both decompressions stay, so the same "
    "comparison can be made again.",
)
