"""The charts of the Titration page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from assay.core.findings.titration_grid import share_spreads
from assay.core.selection.titration import Cell, Corpus
from assay.core.specs.data import Role
from assay.core.specs.strategies import shown_as
from assay.pages.components.audit.density import density
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.charts import framed, spread_traces
from assay.pages.components.palette import (
    COLOURS,
    REFERENCE_LINE,
    ROLE_COLOURS,
    ROLE_SYMBOLS,
    SYMBOLS,
)

# The horizontal distance between strategies, as a share of the training documents.
_APART = 0.01


def titration_plot(
    measured: pd.DataFrame, live: Mapping[str, Cell], setting: Setting, names: Sequence[str]
) -> go.Figure:
    """Measured means as points with bars over draws, slightly apart; live values as stars.

    ``measured`` holds one budget and one metric.
    """
    figure = go.Figure()
    for place, name in enumerate(names):
        aside = _APART * (place - (len(names) - 1) / 2)
        _add_measured(figure, measured[measured["strategy"] == name], name, aside)
    for name, cell in live.items():
        # Measured points have the controls' names already.
        _add_live(figure, cell, name, setting, name == setting.selector or measured.empty)
    if (chance := setting.metric.info.chance) is not None:
        figure.add_hline(
            y=chance,
            line={"color": REFERENCE_LINE, "dash": "dot", "width": 1},
            annotation_text="chance",
            annotation_position="bottom right",
        )
    figure.update_xaxes(
        title="leaked share",
        tickformat=".0%",
        range=[-0.03, 1.03],
        zeroline=False,
    )
    figure.update_yaxes(
        title=setting.metric.info.title,
        tickformat=".1~%" if setting.metric.info.is_percent else None,
        zeroline=False,
    )
    return framed(figure, 430, hovermode="closest")


def selection_map(
    places: NDArray[np.float32], cell: Cell, corpus: Corpus, has_held_out: bool
) -> go.Figure:
    """The selection over the pool's density, with one colour and symbol per role."""
    figure = go.Figure(density(places[cell.pool]))
    for role, is_role in roles(corpus):
        own = cell.documents[is_role[cell.documents]]
        title = str(role) if has_held_out or role is Role.TRAINED else "other"
        if has_held_out or role is not Role.HELD_OUT:
            figure.add_trace(
                go.Scatter(
                    x=places[own, 0],
                    y=places[own, 1],
                    customdata=own.tolist(),
                    mode="markers",
                    name=f"{title}: {len(own):,}",
                    marker={
                        "color": ROLE_COLOURS[role],
                        "symbol": ROLE_SYMBOLS[role],
                        "size": 6,
                        "opacity": 0.85,
                    },
                    hovertemplate="document %{customdata}<extra></extra>",
                )
            )
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False, "ticks": ""}
    figure.update_xaxes(**hidden)
    figure.update_yaxes(**hidden)
    # Streamlit lets a click choose a point only if dragging does not select.
    return framed(figure, 430, dragmode="pan")


def _add_measured(figure: go.Figure, own: pd.DataFrame, name: str, aside: float) -> None:
    if own.empty:
        return
    found = share_spreads(own)
    figure.add_traces(
        spread_traces(
            [share + aside for share in found],
            list(found.values()),
            shown_as(name),
            COLOURS[name],
            SYMBOLS[name],
        )
    )


def _add_live(figure: go.Figure, cell: Cell, name: str, setting: Setting, is_named: bool) -> None:
    found = cell.figures.get(setting.metric)
    if found is None:
        return
    is_chosen = name == setting.selector
    figure.add_trace(
        go.Scatter(
            x=[setting.leaked_share],
            y=[found.value],
            mode="markers",
            name=f"{shown_as(name)}, live",
            showlegend=is_named,
            marker={
                "color": COLOURS[name],
                "symbol": "star" if is_chosen else "star-open",
                "size": 18 if is_chosen else 11,
                "line": {"width": 1.5, "color": "#E4B400" if is_chosen else COLOURS[name]},
            },
            hovertemplate="live, %{x:.0%}: %{y:.3f}<extra>" + shown_as(name) + "</extra>",
        )
    )


def roles(corpus: Corpus) -> list[tuple[Role, NDArray[np.bool_]]]:
    return [
        (Role.OUT_OF_DOMAIN, ~corpus.is_trained & ~corpus.is_held_out),
        (Role.HELD_OUT, corpus.is_held_out),
        (Role.TRAINED, corpus.is_trained),
    ]
