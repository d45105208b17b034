"""The parts of the Vocabulary page. Texts and tokens are escaped and shown as they are."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from assay.cache.audits.vocabulary import read_tokens
from assay.core.errors import InputError
from assay.core.models.text_reading import TextReader, TextReading, tokenizer_file_digest
from assay.core.specs.results.audit import AuditVocabulary
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import SINGLE_HUE, VERMILION, faint

MAX_CHARACTERS = 50_000
_N_POINTS = 3_000
_N_COMMON = 40
# Where tokens that are not in the seed corpus are drawn on a logarithmic axis.
_NONE = 0.4
MOVED, STILL, EVERY = "occurred", "never occurred", "all"
_MARKS = {
    "moved": (faint(SINGLE_HUE, 0.2), "occurred"),
    "still": (faint(VERMILION, 0.32), "never occurred"),
}


@st.cache_data(max_entries=8, show_spinner=False)
def tokens(path: Path) -> pd.DataFrame:
    return read_tokens(path)


def chosen_tokens(every: pd.DataFrame, which: str, search: str) -> pd.DataFrame:
    """Ordinary tokens for people, those that moved farthest first."""
    rows = every[~every["is_special"]]
    if which != EVERY:
        rows = rows[rows["is_moved"] == (which == MOVED)]
    if search:
        found = rows["token"].str.contains(search, case=False, regex=False)
        rows = rows[found]
    rows = rows.sort_values(["norm", "n_documents"], ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "token": rows["token"],
            "occurred": rows["is_moved"],
            "movement": rows["norm"],
            "estimated documents": rows["n_estimated"],
            "at least": rows["n_estimated_low"],
            "at most": rows["n_estimated_high"],
            "in the seed corpus": rows["n_documents"],
        }
    )


def common_but_never(every: pd.DataFrame) -> list[str]:
    """Tokens that occur in many documents of the seed corpus but never in fine-tuning."""
    rows = every[~every["is_special"] & ~every["is_moved"] & (every["n_documents"] > 0)]
    ordered = rows.sort_values("n_documents", ascending=False, kind="stable")
    return [str(token) for token in ordered["token"][:_N_COMMON]]


def movement_plot(every: pd.DataFrame) -> tuple[go.Figure, int, int]:
    """Tokens' movement against the number of seed documents that contain them.

    Also returns how many points are drawn, and of how many.
    """
    rows = every[~every["is_special"] & every["is_moved"]]
    drawn = rows.sample(min(len(rows), _N_POINTS), random_state=0).sort_index()
    x = np.maximum(drawn["n_documents"].to_numpy(float), _NONE)
    figure = go.Figure(
        go.Scattergl(
            x=x,
            y=drawn["norm"],
            mode="markers",
            marker={"color": SINGLE_HUE, "size": 5, "opacity": 0.8},
            customdata=np.stack(
                [
                    [plotly_safe(token) for token in drawn["token"]],
                    [f"{n:,}" for n in drawn["n_documents"]],
                ],
                axis=1,
            )
            if len(drawn)
            else None,
            hovertemplate="%{customdata[0]}: moved by %{y:.3g}, in %{customdata[1]} documents"
            "<extra></extra>",
            showlegend=False,
        )
    )
    most = max(float(x.max()) if len(x) else 1.0, 1.0)
    powers = [10**power for power in range(int(np.floor(np.log10(most))) + 1)]
    figure.update_xaxes(
        title="documents of the seed corpus that contain the token",
        type="log",
        tickvals=[_NONE, *powers],
        ticktext=["none", *(f"{power:,}" for power in powers)],
    )
    figure.update_yaxes(title="movement of its row", type="log", exponentformat="power")
    figure.update_layout(height=400, margin={"l": 8, "r": 8, "t": 8, "b": 8}, hovermode="closest")
    return figure, len(drawn), len(rows)


def text_reader(vocabulary: AuditVocabulary, every: pd.DataFrame) -> TextReader | str:
    """The reader for a pasted text, or a sentence that says why there is none."""
    folder = Path(vocabulary.tokenizer_folder)
    gone = (
        f"The final model's folder {str(folder)!r} is gone, or its tokenizer has changed since "
        "the audit, so texts cannot be tokenized here."
    )
    try:
        if tokenizer_file_digest(folder) != vocabulary.tokenizer_sha256:
            return gone
    except (InputError, OSError):
        return gone
    return TextReader(
        tuple(every["token"]),
        every["token_id"].to_numpy(np.int64),
        every["is_moved"].to_numpy(bool),
        every["is_special"].to_numpy(bool),
        vocabulary.reads_last,
        vocabulary.longest_document,
        folder,
    )


def marked_text(text: str, reading: TextReading) -> str:
    """HTML of an escaped text, its tokens coloured by whether they moved.

    Text after the cut is grey.
    """
    parts, at = [], 0
    for span in reading.spans:
        start = max(span.start, at)
        if span.is_special or span.end <= start:
            continue
        parts.append(html.escape(text[at:start]))
        colour, words = _MARKS["moved" if span.is_moved else "still"]
        line = "none" if span.is_moved else f"2px solid {VERMILION}"
        parts.append(
            f'<span title="{words}" style="background:{colour};border-bottom:{line};'
            f'border-radius:3px">{html.escape(text[start : span.end])}</span>'
        )
        at = span.end
    parts.append(f'<span style="opacity:.5">{html.escape(text[at:])}</span>')
    style = "white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.7"
    return f'<div style="{style}">{"".join(parts)}</div>'


def legend() -> str:
    """What the colours mean."""
    marks = [
        f'<span style="background:{colour};border-radius:3px;padding:0 .4em">{words}</span>'
        for colour, words in _MARKS.values()
    ]
    marks.append('<span style="opacity:.5">cut off</span>')
    return f'<div style="font-size:.85rem">{" ".join(marks)}</div>'
