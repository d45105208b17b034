"""The charts of the Titration page, as ECharts wants them: each move of a slider redraws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from assay.core.findings.formatting import number
from assay.core.findings.titration_grid import share_spreads
from assay.core.selection.titration import Cell, Corpus
from assay.core.specs.data import Role
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import shown_as
from assay.core.stats.intervals import Spread
from assay.pages.components.audit.titration_controls import Setting
from assay.pages.components.echarts import axis, legend, mark, small_text
from assay.pages.components.palette import (
    COLOURS,
    REFERENCE_LINE,
    ROLE_COLOURS,
    ROLE_SYMBOLS,
    SYMBOLS,
)

HEIGHT = 430
# The horizontal distance between strategies, in percent of the training documents.
_APART = 1.0
_GOLD = "#E4B400"
_N_BINS = 48
# Pixels of the narrowest plot's legend, of a name's mark and gaps, and of a letter.
_LEGEND_WIDTH, _MARK_WIDTH, _LETTER_WIDTH = 420, 46, 6.5
# What each point says of itself is its third number.
_SAYS = {"formatter": "{@[2]}"}
_SHARES = {"splitLine": {"show": False}, "axisLine": {"onZero": False}, "interval": 20}


def titration_plot(
    measured: pd.DataFrame, live: Mapping[str, Cell], setting: Setting, names: Sequence[str]
) -> dict[str, Any]:
    """Measured means as points with bars over draws, slightly apart; live values as stars.

    ``measured`` holds one budget and one metric.
    """
    metric, series = setting.metric, []
    for place, name in enumerate(names):
        aside = _APART * (place - (len(names) - 1) / 2)
        series += _measured(measured[measured["strategy"] == name], name, aside, metric)
    # Stars stand in front.
    named = [one["name"] for one in series]
    for name, cell in live.items():
        if metric in cell.figures:
            series.append(_live(cell, name, setting))
            # Measured points have the controls' names already.
            if name == setting.selector or measured.empty:
                named.append(series[-1]["name"])
    named = list(dict.fromkeys(named))
    if (chance := metric.info.chance) is not None and series:
        series[0]["markLine"] = _chance_line(chance * _unit(metric))
    return {
        "legend": legend(named),
        "tooltip": {"trigger": "item"},
        "grid": {
            "left": 64,
            "right": 24,
            "top": 16 + 22 * _n_lines(named),
            "bottom": 48,
            "outerBoundsMode": "none",
        },
        "xAxis": axis("leaked share", True, min=0, max=100, nameGap=26, **_SHARES),
        "yAxis": axis(metric.info.title, metric.info.is_percent, scale=True, nameGap=46),
        "series": series,
    }


def _n_lines(names: Sequence[str]) -> int:
    """How many lines a legend of these names takes at most, as ECharts breaks it."""
    n_lines, used = 1, 0.0
    for name in names:
        width = _MARK_WIDTH + _LETTER_WIDTH * len(name)
        if used and used + width > _LEGEND_WIDTH:
            n_lines, used = n_lines + 1, 0.0
        used += width
    return n_lines


def selection_map(
    places: NDArray[np.float32], cell: Cell, corpus: Corpus, has_held_out: bool, setting: Setting
) -> dict[str, Any]:
    """The selection over the pool's density, with one colour and symbol per role."""
    cells, edges = _density(places[cell.pool], places)
    series: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "xAxisIndex": 1,
            "yAxisIndex": 1,
            "silent": True,
            "progressive": 0,
            "data": cells.tolist(),
        }
    ]
    for role, is_role in roles(corpus):
        own = cell.documents[is_role[cell.documents]]
        title = str(role) if has_held_out or role is Role.TRAINED else "other"
        if has_held_out or role is not Role.HELD_OUT:
            series.append(
                {
                    "type": "scatter",
                    "id": _series_id(role, setting),
                    "name": f"{title}: {len(own):,}",
                    "data": [
                        [x, y, document]
                        for (x, y), document in zip(places[own].tolist(), own.tolist(), strict=True)
                    ],
                    "tooltip": {"formatter": "document {@[2]}"},
                    "selectedMode": "single",
                    "select": {"itemStyle": {"borderColor": small_text(), "borderWidth": 3}},
                    **mark(ROLE_SYMBOLS[role], ROLE_COLOURS[role], 7),
                }
            )
    hidden = {"show": False}
    between = [{"type": "value", "min": low, "max": high, **hidden} for low, high in edges.tolist()]
    binned = {"type": "category", "data": list(map(str, range(_N_BINS))), **hidden}
    return {
        "legend": legend([one["name"] for one in series[1:]]),
        "tooltip": {"trigger": "item"},
        "grid": {"left": 8, "right": 8, "top": 38, "bottom": 8},
        "xAxis": [between[0], binned],
        "yAxis": [between[1], binned],
        "visualMap": {
            "show": False,
            "seriesIndex": 0,
            "min": 0,
            "max": int(cells[:, 2].max(initial=1)),
            "inRange": {"color": ["rgba(139,146,154,0.10)", "rgba(139,146,154,0.65)"]},
        },
        "series": series,
    }


def picked_on(
    state: Mapping[str, Any], cell: Cell, corpus: Corpus, setting: Setting
) -> NDArray[np.int64]:
    """The numbers of the documents that were clicked on this setting's map.

    The chart outlives a move of a slider. What was clicked before belongs to another selection.
    """
    by_role = {
        _series_id(role, setting): cell.documents[is_role[cell.documents]]
        for role, is_role in roles(corpus)
    }
    found = [
        by_role[group["series_id"]][group["data_indices"]]
        for group in state["selection"]["selected"]
        if group["series_id"] in by_role
    ]
    return np.concatenate([np.empty(0, np.int64), *found]).astype(np.int64)


def roles(corpus: Corpus) -> list[tuple[Role, NDArray[np.bool_]]]:
    return [
        (Role.OUT_OF_DOMAIN, ~corpus.is_trained & ~corpus.is_held_out),
        (Role.HELD_OUT, corpus.is_held_out),
        (Role.TRAINED, corpus.is_trained),
    ]


def _series_id(role: Role, setting: Setting) -> str:
    share, budget = setting.leaked_share, setting.budget
    return f"{role}, {share:.4g} leaked, {budget} by {setting.selector}, draw {setting.seed}"


def _unit(metric: Metric) -> int:
    """Shares are drawn in percent."""
    return 100 if metric.info.is_percent else 1


def _measured(own: pd.DataFrame, name: str, aside: float, metric: Metric) -> list[dict[str, Any]]:
    """Means that a thin dotted line connects, with thick bars for their intervals and thin ones
    from the lowest to the highest value."""
    if own.empty:
        return []
    found, unit, title = share_spreads(own), _unit(metric), shown_as(name)
    at = {100 * share + aside: spread for share, spread in found.items()}
    line = {"type": "line", "name": title, "silent": True, "symbol": "none", "clip": False}
    inside = {x: one.interval for x, one in at.items() if one.interval is not None}
    thin = _bars({x: (unit * one.lowest, unit * one.highest) for x, one in at.items()})
    thick = _bars({x: (unit * one.low, unit * one.high) for x, one in inside.items()})
    colour = COLOURS[name]
    return [
        {
            "type": "line",
            "name": title,
            "data": [[x, unit * one.mean, _in_words(title, one, metric)] for x, one in at.items()],
            "lineStyle": {"color": colour, "width": 0.7, "type": "dotted"},
            "tooltip": _SAYS,
            "clip": False,
            **mark(SYMBOLS[name], colour, 9),
        },
        {**line, "data": thin, "lineStyle": {"color": colour, "width": 1.2}},
        {**line, "data": thick, "lineStyle": {"color": colour, "width": 4}},
    ]


def _bars(ends: Mapping[float, tuple[float, float]]) -> list[list[float | None]]:
    """One line from each low to its high end; a gap ends it."""
    points: list[list[float | None]] = []
    for x, (low, high) in ends.items():
        points += [[x, low], [x, high], [x, None]]
    return points


def _in_words(title: str, found: Spread, metric: Metric) -> str:
    said = partial(number, metric)
    words = [f"{title}, {found.n} draws: mean {said(found.mean)}"]
    if found.interval is not None:
        words.append(f"95% interval {said(found.interval.low)} to {said(found.interval.high)}")
    if found.n > 1:
        words.append(f"lowest {said(found.lowest)}, highest {said(found.highest)}")
    return ", ".join(words)


def _live(cell: Cell, name: str, setting: Setting) -> dict[str, Any]:
    is_chosen, metric = name == setting.selector, setting.metric
    value, title = cell.figures[metric].value, f"{shown_as(name)}, live"
    says = f"{title}, {setting.leaked_share:.0%} leaked: {number(metric, value)}"
    star = ("star", 18, _GOLD) if is_chosen else ("star-open", 12, None)
    symbol, size, border = star
    return {
        "type": "scatter",
        "name": title,
        "data": [[100 * setting.leaked_share, _unit(metric) * value, says]],
        "tooltip": _SAYS,
        # Points at 0 and 100% are drawn whole.
        "clip": False,
        **mark(symbol, COLOURS[name], size, border),
    }


def _chance_line(value: float) -> dict[str, Any]:
    return {
        "silent": True,
        "symbol": "none",
        "data": [{"yAxis": value}],
        "lineStyle": {"color": REFERENCE_LINE, "type": "dotted", "width": 1},
        "label": {"formatter": "chance", "position": "insideEndBottom", "color": small_text()},
    }


def _density(
    pool: NDArray[np.float32], everything: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where the pool's documents are: column, row and number of documents of each bin that holds
    some, and the ends of both axes, (2 × 2), which no pool changes."""
    ends = np.stack([everything.min(axis=0), everything.max(axis=0)], axis=1).astype(float)
    ends += np.array([-0.01, 0.01]) * np.maximum(ends[:, 1:] - ends[:, :1], 1e-6)
    counts = np.histogram2d(pool[:, 0], pool[:, 1], bins=_N_BINS, range=ends)[0]
    columns, rows = np.nonzero(counts)
    return np.stack([columns, rows, counts[columns, rows]], axis=1).astype(np.int64), ends
