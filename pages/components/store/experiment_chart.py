"""The charts of the Experiments page: our values with bars, the authors' as hollow points."""

from __future__ import annotations

import plotly.graph_objects as go

from assay.core.experiments.recipes import Axis
from assay.core.findings.experiment import Place
from assay.core.specs.metrics import Metric
from assay.pages.components.charts import framed, spread_traces
from assay.pages.components.palette import COLOURS, REFERENCE_LINE, SYMBOLS
from assay.pages.components.store.experiments import SHARES, Compared, subject_title


def comparison_plot(known: Compared, panel: str, metric: Metric) -> go.Figure:
    """One metric of one panel along the recipe's axis.

    Points are measured, with bars over seeds; thin dotted segments only guide the eye. Subjects
    without a position on the axis are horizontal lines.
    """
    figure = go.Figure()
    for subject in _subjects(known, panel, metric):
        _add_ours(figure, known, panel, metric, subject)
        _add_theirs(figure, known, panel, metric, subject)
    _add_final(figure, known, panel, metric)
    axis = known.recipe.x
    figure.update_xaxes(
        title=axis.shown_as, tickformat=".0%" if axis in SHARES else ",", zeroline=False
    )
    if axis in SHARES:
        # Automatic ranges of a single point reach beyond 100%.
        figure.update_xaxes(range=[-0.04, 1.04])
    if axis in (Axis.BUDGET, Axis.DIMENSION):
        places = (*known.ours, *known.theirs)
        ticks = sorted({p.x for p in places if p.panel == panel and p.x is not None})
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{x:,.0f}" for x in ticks])
    figure.update_yaxes(
        title=metric.info.short,
        tickformat=".1~%" if metric.info.is_percent else None,
        zeroline=False,
    )
    return framed(figure, 430, hovermode="closest")


def _subjects(known: Compared, panel: str, metric: Metric) -> list[str]:
    found = {
        place.subject
        for place in (*known.ours, *known.theirs)
        if (place.panel, place.metric) == (panel, metric)
    }
    return [subject for subject in COLOURS if subject in found]


def _along(places: list[Place]) -> tuple[list[Place], list[Place]]:
    """Subjects with a position on the axis, in order, and those without."""
    placed = sorted((p for p in places if p.x is not None), key=lambda p: p.x or 0.0)
    return placed, [p for p in places if p.x is None]


def _add_ours(figure: go.Figure, known: Compared, panel: str, metric: Metric, subject: str) -> None:
    own = [p for p in known.ours if (p.panel, p.metric, p.subject) == (panel, metric, subject)]
    title = subject_title(subject, subject in known.drawn_in(panel))
    placed, level = _along(own)
    if placed:
        figure.add_traces(
            spread_traces(
                [place.x for place in placed if place.x is not None],
                [known.ours[place] for place in placed],
                title,
                COLOURS[subject],
                SYMBOLS[subject],
            )
        )
    for place in level:
        _add_level(figure, known.ours[place].mean, title, COLOURS[subject], "dash")


def _add_theirs(
    figure: go.Figure, known: Compared, panel: str, metric: Metric, subject: str
) -> None:
    own = [p for p in known.theirs if (p.panel, p.metric, p.subject) == (panel, metric, subject)]
    placed, level = _along(own)
    if placed:
        source = known.theirs[placed[0]].source
        figure.add_trace(
            go.Scatter(
                x=[place.x for place in placed],
                y=[known.theirs[place].value for place in placed],
                mode="markers",
                name=f"{subject_title(subject)}, {source}",
                marker={
                    "color": COLOURS[subject],
                    "symbol": f"{SYMBOLS[subject].removesuffix('-open')}-open-dot",
                    "size": 9,
                    "line": {"width": 1.5},
                },
                hovertemplate="%{x}: %{y}<extra>%{fullData.name}</extra>",
            )
        )
    for place in level:
        row = known.theirs[place]
        name = f"{subject_title(subject)}, {row.source}"
        _add_level(figure, row.value, name, COLOURS[subject], "dot")


def _add_final(figure: go.Figure, known: Compared, panel: str, metric: Metric) -> None:
    values = [
        known.ours[place].mean
        for place in known.ours
        if (place.panel, place.metric, place.subject) == (panel, metric, "final")
    ]
    if values:
        _add_level(figure, values[0], "final model", REFERENCE_LINE, "dot")


def _add_level(figure: go.Figure, value: float, name: str, colour: str, dash: str) -> None:
    figure.add_hline(
        y=value,
        line={"color": colour, "dash": dash, "width": 1.5},
        annotation_text=name,
        annotation_position="bottom right",
        annotation_font_size=11,
    )
