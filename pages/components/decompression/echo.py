"""The parts of the Echo page."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from assay.core.findings.echo import target_name
from assay.core.findings.named_facts import fact_table
from assay.core.specs.results.echo import EchoResult, EchoRow
from assay.pages.components.palette import COLOURS, NULL_BAR, REFERENCE_LINE, SINGLE_HUE, SYMBOLS

_ROW_HEIGHT = 32
# In place of the names that files give these facts.
_NAMES = {
    "decompression": "final model's decompression",
    "control": "base model's decompression",
    "said_sha256": "final model's hash",
    "control_sha256": "base model's hash",
}


def lead_chart(record: EchoResult) -> go.Figure:
    """One line per set: by how much the final model is nearer, and the range of chance."""
    rows = record.targets[::-1]
    names = [target_name(row) for row in rows]
    figure = go.Figure(
        go.Bar(
            base=[row.null_low for row in rows],
            x=[row.null_high - row.null_low for row in rows],
            y=names,
            orientation="h",
            marker=NULL_BAR,
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[row.lead for row in rows],
            y=names,
            mode="markers",
            marker={
                "color": [_colour(row) for row in rows],
                "symbol": [_symbol(row) for row in rows],
                "size": 11,
            },
            hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1})
    figure.update_xaxes(title="nearer than the base model by", zeroline=False)
    figure.update_yaxes(ticklabelposition="outside")
    figure.update_layout(
        height=_ROW_HEIGHT * len(rows) + 80,
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        showlegend=False,
    )
    return figure


def provenance_table(record: EchoResult) -> pd.DataFrame:
    """Every fact about the comparison, in two columns."""
    models = dict(zip(("final model", "base model"), record.models, strict=False))
    facts = {**record.spec, **models, **record.provenance}
    return fact_table({_NAMES.get(name, name): value for name, value in facts.items()})


def _colour(row: EchoRow) -> str:
    return COLOURS[row.strategy] if row.strategy else SINGLE_HUE


def _symbol(row: EchoRow) -> str:
    return SYMBOLS[row.strategy] if row.strategy else "star"
