"""The distances of the Transport page, and how to interpret each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from assay.core.findings.beside_random import apart_from_random
from assay.core.findings.equal_scores import drawn_among
from assay.core.findings.finding import MetricTable, Row
from assay.core.findings.formatting import capitalized, listed, number, possessive
from assay.core.findings.table_cells import PERCENT, TableCell
from assay.core.similarity.replacement_curve import Likeness, likeness
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, main_strategy


@dataclass(frozen=True)
class Distance:
    """A metric, how it is formatted, and which way is better."""

    metric: Metric
    title: str
    axis: str

    @property
    def direction(self) -> str:
        return self.metric.info.direction

    def written(self, value: float) -> str:
        return number(self.metric, value)

    def cell(self, value: float) -> TableCell:
        return TableCell.of(self.written(value), self.metric.info.unit, value=value)

    def band(self, low: float, high: float) -> TableCell:
        text = f"{self.written(low)} to {self.written(high)}"
        return TableCell.of(text, self.metric.info.unit, low=low, high=high)


DISTANCES = (
    Distance(Metric.TRANSPORT, "Optimal transport", "transport distance"),
    Distance(Metric.CONTAINMENT, "Vocabulary containment", "share of the smaller vocabulary"),
)


def read_from(curve: pd.DataFrame, distance: Distance, value: float) -> Likeness:
    """The measured shares that bracket a value; containment falls as transport rises."""
    sign = 1 if distance.metric.info.is_lower_better else -1
    bounds = [(sign * curve["low"]).tolist(), (sign * curve["high"]).tolist()]
    lows, highs = bounds if sign == 1 else bounds[::-1]
    return likeness(curve["replaced_share"].tolist(), lows, highs, sign * value)


def in_words(found: Likeness) -> str:
    """The bracket as a table's cell."""
    if found.least is None:
        return "like the reference set" if found.most is None else f"0–{found.most:.0%}"
    if found.most is None:
        return "beyond 100%" if found.least == 1 else f"{100 * found.least:.0f}–100%"
    return f"{100 * found.least:.0f}–{found.most:.0%}"


def _bracket(found: Likeness) -> TableCell:
    return TableCell.of(in_words(found), PERCENT, least=found.least, most=found.most)


def distance_table(
    rows: MetricTable, strategies: Sequence[Strategy], curve: pd.DataFrame, distance: Distance
) -> pd.DataFrame:
    """One line per strategy: value, random selections' band, best, matching shares."""
    table = []
    apart = apart_from_random(rows, strategies, distance.metric)
    for strategy in ordered(rows, strategies, distance):
        row = rows.get(strategy, distance.metric)
        assert row is not None
        table.append(
            {
                "strategy": strategy.shown_as,
                "value": distance.cell(row["value"]),
                "random selections": distance.band(row["null_low"], row["null_high"]),
                "result": beside_random(row, distance, strategy in apart),
                "at best": distance.cell(row["ceiling"]),
                "like replacing": _bracket(read_from(curve, distance, row["value"])),
            }
        )
    return pd.DataFrame(table)


def columns_note(rows: MetricTable, strategies: Sequence[Strategy], distance: Distance) -> str:
    """What the columns of that table mean, and how its values were computed."""
    found = [rows.get(one, distance.metric) for one in strategies]
    methods = sorted({str(row["method"]) for row in found if row})
    return (
        "At best: as many reference documents. Like replacing: the share of the reference set that "
        f"must be replaced by other documents to be as far. Computation: {'; '.join(methods)}."
    )


def ordered(
    rows: MetricTable, strategies: Sequence[Strategy], distance: Distance
) -> list[Strategy]:
    """The measured strategies, the closest first."""
    known = {one: row["value"] for one in strategies if (row := rows.get(one, distance.metric))}
    is_rising = distance.metric.info.is_lower_better
    return sorted(known, key=lambda one: known[one], reverse=not is_rising)


def beside_random(row: Row, distance: Distance, is_apart: bool) -> str:
    """On which side of random selections a value is, if it is distinguishable from them."""
    if not is_apart:
        return "not distinguishable"
    is_lower = row["value"] < row["null_value"]
    return "closer" if is_lower == distance.metric.info.is_lower_better else "farther"


def leading(rows: MetricTable, strategies: Sequence[Strategy], distance: Distance) -> Strategy:
    """The strategy that the page leads with: the closest of those that are closer than random
    selections, as on Overview; without one, the main one."""
    closer = _beside(rows, strategies, distance, "closer")
    return closer[0] if closer else main_strategy(strategies)


def _beside(
    rows: MetricTable, strategies: Sequence[Strategy], distance: Distance, side: str
) -> list[Strategy]:
    """Strategies on one side of random selections, the closest first, but none whose documents were
    drawn: that is luck."""
    lucky = {Strategy.RANDOM, *drawn_among(rows, strategies)}
    apart = apart_from_random(rows, strategies, distance.metric)
    return [
        one
        for one in ordered(rows, strategies, distance)
        if one in apart
        and one not in lucky
        and (row := rows.get(one, distance.metric))
        and beside_random(row, distance, True) == side
    ]


def headline(
    rows: MetricTable,
    strategy: Strategy,
    strategies: Sequence[Strategy],
    curve: pd.DataFrame,
    distance: Distance,
) -> str:
    """What one measured strategy's distance means, in a sentence; ``strategies``: all of them."""
    row = rows.get(strategy, distance.metric)
    assert row is not None
    apart = apart_from_random(rows, strategies, distance.metric)
    relation = {
        "closer": "closer than random selections",
        "farther": "farther than random selections",
        "not distinguishable": "not distinguishable from random selections",
    }[beside_random(row, distance, strategy in apart)]
    sentence = f"{capitalized(possessive(strategy.shown_as))} selection is {relation}"
    if curve.empty:
        return sentence + "."
    found = read_from(curve, distance, row["value"])
    if found.least is None and found.most is None:
        return sentence + " and as close as reference documents."
    if found.least == 1:
        return sentence + ", and farther than a reference set replaced completely."
    return f"{sentence}: it is like a reference set with {in_words(found)} replaced by other text."


def more_about(
    rows: MetricTable, strategies: Sequence[Strategy], curve: pd.DataFrame, distance: Distance
) -> list[str]:
    """The leading strategy's value with its null, then the main one, then which others differ from
    random."""
    lead, main = leading(rows, strategies, distance), main_strategy(strategies)
    row, declared = rows.get(lead, distance.metric), rows.get(main, distance.metric)
    assert row is not None
    assert declared is not None
    said = [
        f"{distance.metric.info.title}: {distance.written(row['value'])}; 95% of "
        f"{row['null_kind']} have {distance.written(row['null_low'])} to "
        f"{distance.written(row['null_high'])}, and as many reference documents have "
        f"{distance.written(row['ceiling'])}."
    ]
    if main is not lead:
        value = distance.written(declared["value"])
        said.append(f"{headline(rows, main, strategies, curve, distance)} Its value: {value}.")
    for side, how in (("closer", "Other selections"), ("farther", "Selections")):
        others = [
            one.shown_as
            for one in _beside(rows, strategies, distance, side)
            if one not in (lead, main)
        ]
        if others:
            said.append(f"{how} {side} than random ones: {listed(others)}.")
    return said
