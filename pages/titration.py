"""What a selection locates as the leaked share grows: measured, and live with the sliders."""

from __future__ import annotations

import streamlit as st

from assay.pages.components.audit import reads, titration_controls
from assay.pages.components.audit.titration_live import show_selections
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.job_offer import offer_job
from assay.pages.components.navigation import enter

enter()

path = reads.chosen_audit("titration")
facts = reads.facts(path)
counts = facts.meta.counts

st.caption(
    f"{markdown_safe(facts.meta.title)} · how many training documents a strategy finds when only a "
    "share of them is in the pool that it selects from"
    + (
        f" · {counts.n_leaked:,} training, {counts.n_held_out:,} held-out and "
        f"{counts.n_documents - counts.n_leaked - counts.n_held_out:,} other documents"
        if counts.n_reference
        else ""
    )
)

known = titration_controls.corpus(path, facts.spec.held_out_source, facts.meta.training.batch_size)
missing = titration_controls.what_is_missing(facts, known)
if missing:
    st.info(markdown_safe(missing), icon=":material/info:")
    st.write(
        "A titration needs all training documents, held-out documents and out-of-domain documents:"
    )
    offer_job(
        "titrate",
        "New titration",
        "assay titrate --base BASE --final FINAL --reference train.parquet \\\n"
        "  --held-out heldout.parquet --out-of-domain other.parquet",
    )
    st.stop()
assert known is not None
show_selections(path, known, facts)
with st.expander("Controls", icon=":material/balance:"):
    st.write(
        "**random** is the null. **P-min** selects the documents with the lowest loss under the "
        "base model. **text alone** is a classifier that sees only words and no model: it is "
        "trained on the known roles of four fifths of the documents and scores the rest, in five "
        "folds. It knows more than an outsider could. If its membership AUC is above 0.5, "
        "training and held-out documents differ in their words, and only the part of a strategy's "
        "membership AUC above it counts."
        + (
            ""
            if titration_controls.has_blind(known)
            else " It has no scores in this audit, because all documents have the same role."
        )
    )
    st.write(
        "An AUC ranks the whole pool by each strategy's own score: random order for random, the "
        "cosine for top\\-k (within the pseudolabel for balanced), the loss for P\\-min and "
        "P\\-max, and for the SELECT variants the order of selection, then the cosine."
    )
