"""The parts of the Topics page. Names come from a model and are shown as plain text only."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from assay.cache.decompressions.read import ExampleFilter, read_examples
from assay.core.specs.decompression import ParseOutcome, Prompting, Stop
from assay.core.specs.results.decompression import DecompressionResult
from assay.pages.components.charts import show_chart
from assay.pages.components.decompression.reads import READ_AS
from assay.pages.components.decompression.topic_treemap import Colouring, treemap
from assay.pages.components.escaping import markdown_safe
from assay.pages.components.tables import shown_table

COLOURINGS = {
    "support": (
        "Support: share of the sampled lists of subtopics that name the topic. Grey: no higher "
        "than for subtopics of made-up topics (meaningless names, asked as a control), so it shows "
        "nothing."
    ),
    "contrast": (
        "Contrast: how much more likely the model finds the name as a subtopic of its parents than "
        "as one of “Things”, in nats per token. Grey: no higher than for made-up names, or not "
        "measured."
    ),
    "quality": "Quality: mean grade of the examples of the topic and its subtopics, 0 to 4. Grey: "
    "no examples.",
    "depth": "Depth: levels below the root.",
}
PROMPTS = {
    Prompting.LINES: "prompts continue a list",
    Prompting.JSON: "prompts ask for JSON",
}
_ABOVE_THE_NULL = "Above made-up topics"
_N_PREVIEWS = 3
_CARD_HEIGHT = 640
# How often the tree was clicked in this session.
_CLICKS = "tree_clicks"
_STOPS = {
    Stop.DEPTH: "the maximum depth was reached",
    Stop.SATURATED: "most of the topics beside it were already in the tree",
    Stop.QUOTA: "the limit of topics in its branch was reached",
    Stop.BUDGET: "the budget of calls or tokens was used up",
    Stop.REFUSED: "the model gave no answer",
}


def colouring(name: str, meta: DecompressionResult, tree: pd.DataFrame) -> Colouring:
    """What a colour means."""
    lines = meta.support_lines
    if name == "quality":
        return Colouring("quality", "quality", 0, 4)
    if name == "depth":
        return Colouring("level", "depth", 1, max(1, int(tree["level"].max())))
    if name == "contrast":
        highest = tree["contrast"].max()
        return Colouring(
            "contrast", "contrast", 0, 1 if pd.isna(highest) else float(highest), lines.contrast
        )
    return Colouring("support", "support", 0, 1, lines.votes, as_percent=True)


def show_headline(meta: DecompressionResult, tree: pd.DataFrame) -> None:
    """Counts, and how many topics have more support than made-up ones."""
    own = tree[tree["parent_id"].notna()]
    counts, line = meta.counts, meta.support_lines.votes
    with st.container(key="roomy counts"):
        first, second, third, fourth = st.columns([2, 3, 2, 2])
    first.metric("Topics", f"{counts.n_topics:,}", border=True)
    if line is None:
        second.metric(_ABOVE_THE_NULL, "not measured", border=True)
    else:
        n_above = int((own["support"] > line).sum())
        second.metric(
            _ABOVE_THE_NULL,
            f"{n_above:,} of {len(own):,}",
            help=f"Topics that more than {line:.0%} of the lists name. Subtopics of made-up topics "
            "(meaningless names) reach no more than that: 95% of them, or all if there are few.",
            border=True,
        )
    third.metric("Examples", f"{counts.n_examples:,}", border=True)
    fourth.metric(
        "Flagged",
        f"{counts.n_flagged:,}",
        help="Examples with at least one quality flag, such as too short, repetitive or a near "
        "duplicate.",
        border=True,
    )


def clickable_tree(tree: pd.DataFrame, shown: Colouring) -> None:
    """The treemap; clicking a box selects its topic."""
    picked = picked_topic(tree)
    # A new chart after every click: Plotly would fade all other boxes, whose colours have a
    # meaning.
    key = f"tree {shown.column} {picked}"

    def pick() -> None:
        points = st.session_state[key].selection.points
        if points:  # none if a click cleared the selection
            pick_topic(int(points[0]["customdata"][0]))
            st.session_state[_CLICKS] = _n_clicks() + 1

    show_chart(
        treemap(tree, shown, picked),
        key=key,
        on_select=pick,
        selection_mode="points",
        alt="Every topic as a box inside its parent, sized by number of examples",
    )


def topic_table(found: pd.DataFrame, view: str) -> None:
    """Topics with support and interval; clicking a row selects its topic."""
    ids = found["topic_id"].tolist()
    picked = picked_topic(found)
    shown = pd.DataFrame(
        {
            "topic": found["path"],
            "depth": found["level"],
            "support": 100 * found["support"],
            "from": 100 * found["support_low"],
            "to": 100 * found["support_high"],
            "contrast": found["contrast"],
            "examples": found["n_examples"],
            "flagged": found["n_flagged"],
            "quality": found["quality"],
        }
    )
    percent = partial(st.column_config.NumberColumn, format="%.0f%%", width=68)
    # A new table after a click on the tree, so that the selected row is that topic's.
    key = f"topics {view} {_n_clicks()}"

    def pick() -> None:
        rows = st.session_state[key].selection.rows
        if rows:
            pick_topic(ids[rows[0]])

    shown_table(
        shown,
        hide_index=True,
        on_select=pick,
        selection_mode="single-row",
        key=key,
        selection_default={"selection": {"rows": [ids.index(picked)]}},
        height=440,
        placeholder="—",
        column_config={
            "topic": st.column_config.TextColumn("topic", width=190),
            "support": percent("support"),
            "from": percent("from", help="lower end of the support's 95% interval"),
            "to": percent("to", help="upper end of the support's 95% interval"),
            "contrast": st.column_config.NumberColumn(
                "contrast", format="%.2f", width=76, help=COLOURINGS["contrast"].partition(".")[0]
            ),
            "flagged": st.column_config.NumberColumn(help="examples with a quality flag"),
            "quality": st.column_config.NumberColumn(
                "quality", format="%.1f", width=70, help="mean grade of the examples, 0 to 4"
            ),
        },
    )


def pick_topic(topic_id: int) -> None:
    """Select this topic."""
    st.query_params["topic"] = str(topic_id)


def picked_topic(among: pd.DataFrame) -> int:
    """The topic in the address if it is among these, otherwise the first."""
    asked = st.query_params.get("topic", "")
    ids = among["topic_id"].tolist()
    return int(asked) if asked.isdigit() and int(asked) in ids else int(ids[0])


def _n_clicks() -> int:
    return int(st.session_state.get(_CLICKS, 0))


def show_topic(
    path: Path, tree: pd.DataFrame, topic_id: int, meta: DecompressionResult, links: pd.DataFrame
) -> None:
    """One topic: its support and the null's, why the tree ends here, and its first examples."""
    topic = tree[tree["topic_id"] == topic_id].iloc[0]
    with st.container(border=True, height=_CARD_HEIGHT):
        st.markdown(f"**{markdown_safe(topic['path'] or topic['name'])}**")
        if topic["path"]:
            st.caption(_support_of(topic, meta))
        again = links[links["topic_id"] == topic_id]
        if len(again):
            under = "; ".join(f"{row.parent} (as {row.name_})" for row in _named(again))
            st.caption(markdown_safe(f"Also reached from {under}."))
        if isinstance(topic["stop"], str):
            st.caption(f"Not asked for subtopics: {_STOPS[Stop(topic['stop'])]}.")
        page = read_examples(path, ExampleFilter(topic_id=topic_id), _N_PREVIEWS)
        if not page.n_rows:
            st.caption("No examples were written for it.")
            return
        st.page_link(
            "pages/examples.py",
            label=f"All {page.n_rows:,} examples" if page.n_rows > 1 else "The example",
            icon=":material/arrow_forward:",
            query_params={"decompression": path.stem, "topic": str(topic_id)},
        )
        for row in page.rows.to_dict("records"):
            st.markdown(f"**{markdown_safe(row['task'])}**")
            st.text(row["response"])


def show_how(meta: DecompressionResult, rungs: pd.DataFrame) -> None:
    """How answers were parsed, what the backend supports, and the provenance."""
    with st.expander("Prompts and parsing", icon=":material/rule:"):
        table = rungs.assign(rung=[READ_AS[ParseOutcome(rung)] for rung in rungs["rung"]])
        st.dataframe(
            table.rename(columns={"rung": "read as", "n_calls": "calls", "n_tokens": "tokens"}),
            hide_index=True,
            height="content",
        )
        st.caption(
            "All model calls are kept, including those whose answer could not be parsed. What the "
            "backend supports:"
        )
        st.json(meta.traits, expanded=False)
    with st.expander("Provenance", icon=":material/fingerprint:"):
        said = asdict(meta)
        st.json({key: said[key] for key in ("model", "spec", "counts", "provenance")}, expanded=1)


def _support_of(topic: pd.Series, meta: DecompressionResult) -> str:
    lines = meta.support_lines
    text = (
        f"Named in {topic['n_votes']} of {topic['n_samples']} lists "
        f"({topic['support']:.0%}, 95% interval {topic['support_low']:.0%} to "
        f"{topic['support_high']:.0%})"
    )
    if lines.votes is not None:
        text += f"; subtopics of made-up topics reach at most {lines.votes:.0%}"
    if not pd.isna(topic["contrast"]):
        text += f". Contrast {topic['contrast']:z.2f} nats per token"
        if lines.contrast is not None:
            text += f"; made-up names reach at most {lines.contrast:z.2f}"
    return text + "."


def _named(links: pd.DataFrame) -> Any:
    # "name" is a pandas attribute of a row.
    return links.rename(columns={"name": "name_"}).itertuples()
