"""Does what a model says echo what it was trained on? Beside what its base model says."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_echo
from assay.cache.store import Store
from assay.core.findings.echo import echo_finding
from assay.pages.components.charts import CONFIG
from assay.pages.components.decompression.echo import lead_chart, provenance_table, targets_table
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import exported_table
from assay.pages.components.navigation import enter
from assay.pages.components.record_picker import deletable_record, pick_record

enter()

st.title("Echo")
st.caption(
    "What a decompressed model says, held against its training data and against what was selected."
)
store = Store.default()
record = pick_record(store.echoes, "echo", "comparison")
if record is None:
    st.write(
        "There is no comparison to show. It needs an audit, and both of its models decompressed "
        "with the same options:"
    )
    st.code(
        "assay decompress --model FINAL --title final\n"
        "assay decompress --model BASE --title base\n"
        "assay echo FINAL-DECOMPRESSION --control BASE-DECOMPRESSION --audit AUDIT",
        language="bash",
    )
    st.write(
        "What a model says can also be a seed corpus, so that its weights are asked whether they "
        "point to it:"
    )
    st.code(
        "assay rank-corpora --task sft --base BASE --final FINAL \\\n"
        "  --corpus decompression:FINAL-DECOMPRESSION --corpus decompression:BASE-DECOMPRESSION",
        language="bash",
    )
    st.stop()
assert record is not None

said = echo_finding(record)
with st.container(border=True):
    st.subheader(markdown_safe(said.headline), anchor=False)
    for sentence in said.sentences:
        st.write(markdown_safe(sentence))
    st.caption(
        f"{record['n_said']:,} answers of the final model, {record['n_control']:,} of its base."
    )

st.subheader("Nearer than the base model's words, by transport", anchor=False)
st.plotly_chart(
    lead_chart(record), config=CONFIG, key="leads", alt="How much nearer the final model is"
)
st.caption(
    "Right of zero: the final model's answers are nearer by so much (transport between sentence "
    f"embeddings). Grey: 95% of {record['n_shuffles']:,} shuffles in which whole topics change "
    "sides between the two models. The headline's set tests one question; the others' "
    "p\\-values are for information and not corrected for their number."
)
exported_table(
    of_echo(record),
    "echo",
    targets_table(record),
    note="Left the final model, right its base. Verbatim: answers with a run of "
    f"{record['verbatim_words']} words that stands in the set; longest run: in words. "
    "Alike: near duplicates of one of its documents. A model that learnt a style or a subject is "
    "nearer without repeating a word, and one that says nothing of its training data may have "
    "learnt it all the same.",
)
for line in record["caveats"]:
    st.warning(markdown_safe(line), icon=":material/warning:")
with st.expander("Provenance", icon=":material/fingerprint:"):
    st.dataframe(provenance_table(record), hide_index=True)
deletable_record(
    store.echoes,
    record,
    "echo",
    "comparison",
    "Its record is removed for good. The audit and both decompressions stay, so the same "
    "comparison can be made again.",
)
