"""Which tokens occurred in fine-tuning, and whether a text can have been trained on."""

from __future__ import annotations

import streamlit as st

from assay.cache.export import of_audit
from assay.core.findings.vocabulary import (
    ASSUMPTIONS,
    CORPUS,
    text_sentence,
    vocabulary_finding,
)
from assay.pages.components.asked_for import accept_choice
from assay.pages.components.audit import reads
from assay.pages.components.audit.vocabulary import (
    EVERY,
    MAX_CHARACTERS,
    MOVED,
    STILL,
    chosen_tokens,
    common_but_never,
    legend,
    marked_text,
    movement_plot,
    text_reader,
    tokens,
)
from assay.pages.components.charts import show_chart
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.export import export_line
from assay.pages.components.navigation import enter
from assay.pages.components.search_box import search_box
from assay.pages.components.tables import even_decimals

_N_LISTED = 500

enter()

path = reads.chosen_audit("vocabulary")
facts = reads.facts(path)
vocabulary = facts.meta.vocabulary

st.caption(
    f"{markdown_safe(facts.meta.title)} · which tokens occurred in fine-tuning, read from the "
    "input embeddings"
)
if vocabulary is None:
    st.info(
        "This audit is older than this page. Run it again to get its training vocabulary.",
        icon=":material/info:",
    )
    st.stop()

found = vocabulary_finding(vocabulary, CORPUS)
with st.container(border=True):
    st.subheader(markdown_safe(found.headline), anchor=False)
    for sentence in found.sentences:
        st.write(markdown_safe(sentence))
every = tokens(path)
if every.empty:
    st.stop()

shown = [
    (
        "Tokens that occurred",
        f"{vocabulary.n_moved:,}",
        f"of {vocabulary.n_tokens:,} ordinary tokens",
    ),
    (
        "Possible training documents",
        f"{vocabulary.n_possible:,}" if vocabulary.n_possible is not None else "—",
        f"at most, of {vocabulary.n_documents or 0:,} of the seed corpus",
    ),
    (
        "Longest document",
        f"{vocabulary.longest_document:,} tokens" if vocabulary.longest_document else "unknown",
        "tokens read by fine-tuning, special tokens included"
        if vocabulary.longest_document
        else "unknown: positions are not learned, or not distinguishable",
    ),
]
with st.container(key="roomy counts"):
    columns = st.columns(len(shown))
for column, (title, value, below) in zip(columns, shown, strict=True):
    with column.container(border=True, height="stretch"):
        st.metric(title, value)
        st.caption(below)

st.subheader("Can a text have been trained on?", anchor=False)
reader = text_reader(vocabulary, every)
if isinstance(reader, str):
    st.warning(markdown_safe(reader), icon=":material/folder_off:")
else:
    limit = reader.limit(vocabulary.max_tokens)
    text = st.text_area(
        "Text",
        key="text",
        height=140,
        max_chars=MAX_CHARACTERS,
        placeholder="Paste a text here; it stays on this machine.",
        label_visibility="collapsed",
    )
    if text.strip():
        (reading,) = reader.read([text], vocabulary.max_tokens)
        sentence = text_sentence(vocabulary, reading.n_different, reading.unmoved)
        if reading.unmoved:
            st.success(markdown_safe(sentence), icon=":material/block:")
        else:
            st.info(markdown_safe(sentence), icon=":material/help:")
        st.html(legend())
        st.html(marked_text(text, reading))
    if limit:
        st.caption(
            f"Only the first {limit:,} tokens of a text count, special tokens included, because "
            "fine-tuning truncated documents there."
        )

st.subheader("Tokens", anchor=False)
left, right = st.columns([2, 3])
accept_choice("which", "Which", [MOVED, STILL, EVERY])
which = left.segmented_control(
    "Which", [MOVED, STILL, EVERY], default=MOVED, key="which", bind="query-params"
)
search = search_box(right, "Search in tokens", "part of a token")
table = chosen_tokens(every, which or EVERY, search)
st.dataframe(
    table[:_N_LISTED],
    hide_index=True,
    height=320,
    placeholder="—",
    column_config={
        "movement": st.column_config.NumberColumn(
            "movement", format=even_decimals(table["movement"], 3)
        ),
        "estimated documents": st.column_config.NumberColumn("estimated documents", format="%.0f"),
        "at least": st.column_config.NumberColumn("at least", format="%.0f"),
        "at most": st.column_config.NumberColumn("at most", format="%.0f"),
    },
)
export_line(
    of_audit(path),
    "tokens",
    table,
    note=f"The first {min(len(table), _N_LISTED):,} of {len(table):,}; the export contains all. "
    "Movement: how far a token's row moved, after subtracting what all rows have in common. "
    "Estimated documents: how many training documents contained the token, with a 90% range, "
    "estimated from tokens that moved about as far, if the training documents are like the seed "
    "corpus. Under Adam a row moves only slightly farther for more documents, so ranges are wide.",
    chosen={"which": which or EVERY, "search": search},
)

st.subheader("Movement and frequency", anchor=False)
figure, n_drawn, n_all = movement_plot(every)
show_chart(figure, key="movement", alt="Movement of rows against frequency")
st.caption(
    "Each point is a token that occurred. "
    + (f"A random {n_drawn:,} of {n_all:,} are drawn. " if n_drawn < n_all else "")
    + "Tokens at the top left moved far but are rare in the seed corpus: fine-tuning data had "
    "them, the seed corpus hardly does."
)

never = common_but_never(every)
if never:
    st.subheader("Common in the seed corpus, but never in fine-tuning", anchor=False)
    st.code("  ".join(never), language=None, wrap_lines=True)
    st.caption("As the tokenizer writes them, most frequent first.")

with st.expander("Assumptions", icon=":material/balance:"):
    for assumption in ASSUMPTIONS:
        st.write(f"- {markdown_safe(assumption)}")
