"""Knowledge gaps of one decompression: branches that fall behind others of the same depth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from assay.cache.decompressions.answers import read_branch_votes
from assay.cache.decompressions.read import ExampleFilter, read_examples
from assay.core.findings.formatting import bare_p_value
from assay.core.specs.results.decompression import DecompressionResult
from assay.core.stats.mean_drop_test import against_rest
from assay.core.stats.vote_test import SIGNIFICANCE
from assay.pages.components.decompression import reads
from assay.pages.components.escaping import markdown_safe

_Values = NDArray[np.float64]


def show_gaps(path: Path, meta: DecompressionResult, judge: str) -> None:
    """Which branches are gaps, in a sentence, and all branches in a table."""
    rows = gaps(path, judge)
    if rows.empty:
        st.caption(
            "No two topics of the same depth were asked for subtopics, so there is nothing to "
            "compare."
        )
        return
    found = rows[rows["is_gap"]]
    if found.empty:
        st.write(
            f"No gap: none of {rows['topic'].nunique():,} branches falls behind the others of its "
            "depth."
        )
    else:
        shown = (f"{row.topic} ({row.quantity})" for row in found.itertuples())
        st.write(markdown_safe(f"Behind the other branches of their depth: {', '.join(shown)}."))
    with st.expander("All branches", icon=":material/vertical_align_bottom:"):
        st.dataframe(
            pd.DataFrame(
                {
                    "branch": rows["topic"],
                    "result": ["gap" if one else "no gap" for one in rows["is_gap"]],
                    "quantity": rows["quantity"],
                    "mean": rows["value"],
                    "mean of the others": rows["other"],
                    "q": rows["q_value"].map(bare_p_value),
                }
            ),
            hide_index=True,
            height="content",
            column_config={
                name: st.column_config.NumberColumn(format=form)
                for name, form in (("mean", "%.2f"), ("mean of the others", "%.2f"))
            },
        )
        line = meta.support_lines.votes
        st.caption(
            "Branch: a topic with its subtopics, compared with the other branches of its depth. "
            "Support: mean share of lists that name its subtopics; a missing subtopic counts as 0. "
            "A gap in support is significantly lower than the others, and no higher than "
            + (
                f"{line:.2f}, which subtopics of made-up topics reach. "
                if line is not None
                else "made-up topics; these were not measured, so no gap in support is reported. "
            )
            + "Quality: mean grade of the examples of the topic and its subtopics, 0 to 4. A gap "
            "in quality is significantly lower than the others. q: p-value of a Mann–Whitney "
            "test, corrected for all branches (Benjamini–Hochberg); 0.05 or less is significant."
        )


@st.cache_data(max_entries=32, show_spinner=False)
def gaps(path: Path, judge: str) -> pd.DataFrame:
    """One row per branch and quantity: topic, quantity, value, other, q_value, is_gap."""
    meta, tree = reads.meta(path), reads.tree(path, judge)
    spec = meta.asked
    line = meta.support_lines.votes
    asked = tree[tree["n_seen"].notna() & tree["parent_id"].notna()]
    examples = read_examples(path, ExampleFilter(), 2**31, judge=judge).rows
    votes = read_branch_votes(path)

    def support(topic: Any) -> _Values:
        widths = spec.expansion
        n_places = widths[min(int(topic.level), len(widths) - 1)]
        best = sorted(votes[int(topic.topic_id)], reverse=True)[:n_places]
        return np.array([*best, *[0] * (n_places - len(best))]) / spec.n_samples

    def quality(topic: Any) -> _Values:
        under = _under(tree, int(topic.topic_id))
        grades = examples["quality"][examples["topic_id"].isin(under)].to_numpy(float)
        return grades[~np.isnan(grades)]

    rows = [
        *_rows(asked, "support", support, lambda fall: line is not None and fall.value <= line),
        *_rows(asked, "quality", quality, lambda fall: True),
    ]
    return pd.DataFrame(rows).sort_values("q_value") if rows else pd.DataFrame()


def _rows(
    asked: pd.DataFrame,
    quantity: str,
    values: Callable[[Any], _Values],
    is_low: Callable[[Any], bool],
) -> list[dict[str, Any]]:
    rows = []
    for _, level in asked.groupby("level"):
        known = [(topic, values(topic)) for topic in level.itertuples()]
        known = [(topic, own) for topic, own in known if len(own)]
        for (topic, _), fall in zip(known, against_rest([own for _, own in known]), strict=False):
            rows.append(
                {
                    "topic": topic.path,
                    "quantity": quantity,
                    "value": fall.value,
                    "other": fall.other,
                    "q_value": fall.q_value,
                    "is_gap": fall.q_value <= SIGNIFICANCE and is_low(fall),
                }
            )
    return rows


def _under(tree: pd.DataFrame, topic_id: int) -> set[int]:
    under = {topic_id}
    for own, parent in zip(tree["topic_id"], tree["parent_id"], strict=True):
        if not pd.isna(parent) and int(parent) in under:
            under.add(int(own))
    return under
