"""Values as dots on lines: one line per strategy or corpus, with interval and null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from assay.core.findings.audit_tables import references
from assay.core.findings.chart_marks import COLOURS, SYMBOLS
from assay.core.findings.finding import MetricTable, Row
from assay.core.report.figures.drawing import (
    BAND,
    FAINT,
    GRID,
    HUE,
    INK,
    Drawing,
    Look,
    bare,
    marked,
    one_line,
)
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import RANDOM_STUDENTS, Strategy, main_strategy

_MARGINS = 0.125  # inches a point of text


def metric_dots(
    rows: MetricTable, strategies: Sequence[Strategy], metric: Metric, look: Look
) -> Drawing | None:
    """One metric of all strategies beside what random ones reach; None if it was not measured."""
    own = {one: row for one in strategies if (row := rows.get(one, metric))}
    if not own:
        return None
    info, scale = metric.info, 100.0 if metric.info.is_percent else 1.0
    ordered = _shown(
        sorted(own, key=lambda one: own[one]["value"], reverse=info.is_lower_better), look
    )
    low, high, what = _null(rows, metric, own)
    with look.figure(look.row * len(ordered) + _MARGINS * look.text) as figure:
        axes = figure.subplots()
        if low is not None and high is not None:
            axes.axvspan(scale * low, scale * high, **BAND)
        for line, strategy in enumerate(ordered):
            _dot(axes, line, own[strategy], scale, COLOURS[strategy], SYMBOLS[strategy], look)
        for name, value in references(rows, metric, own).items():
            _reference(axes, name, scale * value, look)
        axes.set_yticks(range(len(ordered)), [one.shown_as for one in ordered])
        grey = "" if low is None else "; grey: chance"
        _finish(axes, f"{info.title[0].lower()}{info.title[1:]}{grey}", info.is_percent)
    return Drawing(
        str(metric),
        info.title,
        f"{info.direction.capitalize()}. {what}{_how_many(len(ordered), len(own))}",
        f"{info.title} of each strategy; the table has the same numbers",
        figure,
    )


def corpus_dots(sources: Sequence[Row], look: Look) -> Drawing | None:
    """The cosine of each ranked corpus beside random groups of its size; None if none was."""
    if not sources:
        return None
    ordered = sorted(sources, key=lambda row: row["cosine"])
    with look.figure(look.row * len(ordered) + _MARGINS * look.text) as figure:
        axes = figure.subplots()
        for line, row in enumerate(ordered):
            left, width = row["null_low"], row["null_high"] - row["null_low"]
            axes.barh(line, width, left=left, height=0.7, **BAND)
            _dot(axes, line, {**row, "value": row["cosine"]}, 1.0, HUE, "circle", look)
        axes.set_yticks(range(len(ordered)), [one_line(str(row["name"])) for row in ordered])
        _finish(axes, "cosine with the weight difference; grey: chance", is_percent=False)
    return Drawing(
        "corpora",
        "Public corpora",
        "Cosine of each corpus' mean gradient with the weight difference. Lines: 95% intervals. "
        "Grey: random groups of documents of the same size.",
        "Cosine of each corpus with the weight difference beside random groups",
        figure,
    )


def _shown(ordered: list[Strategy], look: Look) -> list[Strategy]:
    """As many as there is room for: the main one and random selection, and the best, which are
    last."""
    if len(ordered) <= look.most_rows:
        return ordered
    kept = {main_strategy(ordered), Strategy.RANDOM} & set(ordered)
    best = [one for one in ordered if one not in kept][len(kept) - look.most_rows :]
    return [one for one in ordered if one in kept or one in best]


def _how_many(n_shown: int, n_all: int) -> str:
    return f" {n_shown} of {n_all} strategies." if n_shown < n_all else ""


def _null(
    rows: MetricTable, metric: Metric, own: Mapping[Strategy, Row]
) -> tuple[float | None, float | None, str]:
    """The band of chance, and the words for it."""
    random = rows.get(RANDOM_STUDENTS, metric)
    if random is not None and pd.notna(random["low"]):
        return (
            random["low"],
            random["high"],
            f"Grey: where one more of {random['n']} students of random documents would lie. "
            "Lines: 95% intervals.",
        )
    first = next(iter(own.values()))
    if pd.notna(first["null_low"]) and first["null_high"] > first["null_low"]:
        return (
            first["null_low"],
            first["null_high"],
            f"Grey: the central 95% by chance ({first['null_kind']}).",
        )
    if pd.notna(first["null_value"]):
        value = first["null_value"]
        return value, value, f"Grey line: {first['null_kind']}. Lines: 95% intervals."
    beside = (
        "“random” is one random selection: what chance reaches. " if Strategy.RANDOM in own else ""
    )
    return None, None, f"{beside}Lines: 95% intervals."


def _dot(
    axes: Axes, line: int, row: Row, scale: float, colour: str, symbol: str, look: Look
) -> None:
    if pd.notna(row["low"]):
        axes.plot([scale * row["low"], scale * row["high"]], [line, line], color=INK, lw=1)
    axes.plot(scale * row["value"], line, **marked(symbol, colour, look.mark))


def _reference(axes: Axes, name: str, at: float, look: Look) -> None:
    axes.axvline(at, color=FAINT, ls=":", lw=1.2)
    axes.annotate(
        name,
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=look.text * 0.9,
        color=FAINT,
    )


def _finish(axes: Axes, title: str, is_percent: bool) -> None:
    axes.set_xlabel(title)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(-0.6, len(axes.get_yticks()) - 0.4)
    axes.grid(axis="x", color=GRID, lw=0.6)
    bare(axes)
    if is_percent:
        axes.xaxis.set_major_formatter("{x:g}%")
