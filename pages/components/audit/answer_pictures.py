"""One small picture an answer: what was found beside chance, read in a second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from assay.cache.audits.read import AuditFacts
from assay.core.findings.answers.answer import Answer, Question
from assay.core.findings.class_shares import POOL, REFERENCE, share_table
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import number, percent, possessive
from assay.core.findings.membership import membership_finding
from assay.core.findings.selections import student_metric
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, RANDOM_STUDENTS, Strategy, main_strategy, shown_as
from assay.pages.components.audit import reads
from assay.pages.components.audit.corpus_ranking import groups
from assay.pages.components.charts import error_bars
from assay.pages.components.escaping import plotly_safe
from assay.pages.components.palette import (
    COLOURS,
    NULL_AREA,
    NULL_BAR,
    REFERENCE_LINE,
    SINGLE_HUE,
    SYMBOLS,
)

_ROW = 26
_MOST_ROWS = 6


@dataclass(frozen=True)
class Picture:
    """``alt`` says what is drawn to who cannot see it."""

    figure: go.Figure
    caption: str
    alt: str


def picture(answer: Answer, path: Path, facts: AuditFacts, rows: MetricTable) -> Picture | None:
    """The picture of one answer; None where nothing was measured that could be drawn."""
    match answer.question:
        case Question.TOLD:
            return _told(facts, rows)
        case Question.PROVEN:
            return _proven(facts)
        case Question.CLOSE:
            return _close(facts, rows, answer.measured)
        case Question.KIND:
            return _kind(path, facts)


def _told(facts: AuditFacts, rows: MetricTable) -> Picture | None:
    main = main_strategy(facts.strategies)
    found = membership_finding(rows.all(), main)
    if found is None:
        return None
    shown = dict.fromkeys([found.finder or found.winner, main, BLIND])
    dots = {name: row for name in shown if (row := rows.get(name, Metric.MEMBERSHIP_AUC))}
    figure = _dots(
        {shown_as(name): (row, name) for name, row in dots.items()}, Metric.MEMBERSHIP_AUC
    )
    figure.add_vline(x=0.5, line={"color": REFERENCE_LINE, "dash": "dot", "width": 1.5})
    figure.update_xaxes(range=[min(0.4, *(row["low"] for row in dots.values())), 1.02])
    return Picture(
        figure,
        "How often a training document ranks above a held-out one (AUC). Dotted: chance. Bars: "
        "95% intervals.",
        "Membership AUC of the best ranking, the main strategy and text alone",
    )


def _proven(facts: AuditFacts) -> Picture | None:
    found = facts.meta.vocabulary
    if found is None or not found.is_assessable or not found.n_documents:
        return None
    n_possible = found.n_possible or 0
    n_out = found.n_documents - n_possible
    word = "ruled out" if found.proves_absence else "unlikely"
    figure = _stacked([(word, n_out, {"color": SINGLE_HUE}), ("possible", n_possible, NULL_BAR)])
    return Picture(
        figure,
        f"Documents of the seed corpus: {n_out:,} {word}, {n_possible:,} possible.",
        f"{n_out} documents {word}, {n_possible} possible",
    )


def _close(facts: AuditFacts, rows: MetricTable, measured: Metric | None) -> Picture | None:
    judged: list[Strategy] = [one for one in facts.strategies if one is not Strategy.RANDOM]
    transport = {one: row for one in judged if (row := rows.get(one, Metric.TRANSPORT))}
    metric = next((m for one in judged if (m := student_metric(rows, one))), None)
    random = rows.get(RANDOM_STUDENTS, metric) if metric else None
    if transport and (measured is Metric.TRANSPORT or random is None):
        metric, own = Metric.TRANSPORT, transport
        first = next(iter(own.values()))
        band = first["null_low"], first["null_high"]
        beyond: Row | None = {"value": first["ceiling"]}
        end, what = "training documents", "Transport distance. Grey: 95% of random selections."
    elif metric and random:
        own = {one: row for one in judged if (row := rows.get(one, metric))}
        band = random["low"], random["high"]
        beyond = rows.get("final", metric) if metric is not Metric.AGREEMENT else None
        end, what = "final model", f"{metric.info.title}. Grey: where one more random student lies."
    else:
        return None
    best = sorted(own, key=lambda one: own[one]["value"], reverse=not metric.info.is_lower_better)
    shown = dict.fromkeys([*best[:3], main_strategy(own)])
    figure = _dots({one.shown_as: (own[one], one) for one in shown}, metric)
    figure.add_vrect(x0=band[0], x1=band[1], layer="below", **NULL_AREA)
    if beyond is not None and pd.notna(beyond["value"]):
        figure.add_vline(
            x=beyond["value"], line={"color": REFERENCE_LINE, "dash": "dot", "width": 1.5}
        )
        what += f" Dotted: {end}."
    return Picture(
        figure, what, f"{metric.info.title} of the closest selections beside random ones"
    )


def _kind(path: Path, facts: AuditFacts) -> Picture | None:
    found = groups(path)
    sources = found[found["kind"] == "source"]
    if len(sources):
        dots: dict[str, tuple[Row, str]] = {
            plotly_safe(row["name"]): ({**row, "value": row["cosine"]}, "")
            for row in sources[:_MOST_ROWS].to_dict("records")
        }
        figure = _dots(dots, Metric.COSINE)
        return Picture(
            figure,
            "Cosine of each corpus with the weight difference. Bars: 95% intervals.",
            "Cosine of each public corpus with the weight difference",
        )
    if facts.label_names:
        return _classes(path, facts)
    vocabulary = facts.meta.vocabulary
    if vocabulary is None or not vocabulary.is_assessable:
        return None
    n_still = vocabulary.n_tokens - vocabulary.n_moved
    return Picture(
        _stacked(
            [
                ("occurred", vocabulary.n_moved, {"color": SINGLE_HUE}),
                ("did not", n_still, NULL_BAR),
            ]
        ),
        f"Tokens that the model knows: {vocabulary.n_moved:,} occurred, {n_still:,} did not.",
        f"{vocabulary.n_moved} tokens occurred, {n_still} did not",
    )


def _classes(path: Path, facts: AuditFacts) -> Picture | None:
    names = facts.label_names[:_MOST_ROWS]
    main = main_strategy(facts.strategies)
    counted = reads.label_counts(path)
    counted = counted.assign(group=[facts.label_names[one] for one in counted["label"]])
    table = share_table(counted, facts.label_names)
    if main not in table:
        return None
    figure = go.Figure()
    shown = [
        (POOL, "seed corpus", REFERENCE_LINE, "line-ns-open"),
        (main, main.shown_as, COLOURS[main], SYMBOLS[main]),
        (REFERENCE, "reference set", COLOURS[Strategy.TOP_K], "diamond"),
    ]
    for column, title, colour, symbol in shown:
        if column in table:
            figure.add_trace(
                go.Scatter(
                    x=table.loc[names, column],
                    y=[plotly_safe(name) for name in names],
                    mode="markers",
                    name=title,
                    marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2}},
                    hovertemplate="%{y}: %{x:.1%}<extra>%{fullData.name}</extra>",
                )
            )
    figure.update_xaxes(tickformat=".0%", zeroline=False, rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(showlegend=False)
    _shape(figure, len(names))
    return Picture(
        figure,
        f"Class shares: {possessive(main.shown_as)} selection (coloured dots), the seed corpus "
        "(strokes)" + (" and the reference set (diamonds)." if REFERENCE in table else "."),
        "Shares of the classes in the selection, the seed corpus and the reference set",
    )


def _dots(shown: dict[str, tuple[Row, str]], metric: Metric) -> go.Figure:
    """Rows from top to bottom: name, value, interval where there is one."""
    figure = go.Figure()
    for title, (row, name) in shown.items():
        figure.add_trace(
            go.Scatter(
                x=[row["value"]],
                y=[title],
                error_x=error_bars(row),
                mode="markers",
                marker={
                    "color": COLOURS.get(name, SINGLE_HUE),
                    "symbol": SYMBOLS.get(name, "circle"),
                    "size": 10,
                },
                showlegend=False,
                hovertemplate=f"%{{y}}: {number(metric, row['value'])}<extra></extra>",
            )
        )
    figure.update_xaxes(tickformat=".0%" if metric.info.is_percent else None, zeroline=False)
    figure.update_yaxes(autorange="reversed")
    _shape(figure, len(shown))
    return figure


def _stacked(parts: Iterable[tuple[str, int, dict[str, Any]]]) -> go.Figure:
    """One bar of parts that make a whole, each with its share in it."""
    kept = list(parts)
    total = sum(n for _, n, _ in kept)
    figure = go.Figure()
    for title, n, marker in kept:
        figure.add_trace(
            go.Bar(
                x=[n],
                y=[""],
                orientation="h",
                name=title,
                marker=marker,
                hovertemplate=f"{title}: {n:,} ({percent(n / total)})<extra></extra>",
            )
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(zeroline=False, range=[0, total], tickformat=",d", nticks=4)
    _shape(figure, 1, has_legend=True)
    return figure


def _shape(figure: go.Figure, n_rows: int, has_legend: bool = False) -> None:
    figure.update_layout(
        height=_ROW * n_rows + (86 if has_legend else 56),
        margin={"l": 8, "r": 12, "t": 30 if has_legend else 4, "b": 22},
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
            "entrywidth": 0,
            "font": {"size": 11},
        },
    )
