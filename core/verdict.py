"""What an audit found, in sentences made from the same rows as its tables.

"Aligned with", never "was trained on": a selection is evidence of direction, not of membership.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.specs import Metric, Strategy

# A p-value under this counts as more than chance.
SIGNIFICANCE = 0.01
# What tells how good a student is, the better evidence first.
_STUDENT = (Metric.ACCURACY, Metric.AGREEMENT)
_ABOVE, _BELOW = "above", "below"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A headline and the sentences that support it, each from one metric."""

    headline: str
    sentences: tuple[str, ...]


class Rows:
    """The metrics table, looked up by subject and metric."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {(row["subject"], row["metric"]): row for row in rows}

    def get(self, subject: str, metric: Metric) -> Row | None:
        return self._rows.get((subject, metric))

    def best(self, strategies: Iterable[Strategy], metric: Metric) -> Strategy | None:
        """The strategy with the highest value of ``metric``."""
        known = {s: row["value"] for s in strategies if (row := self.get(s, metric))}
        return max(known, key=lambda strategy: known[strategy]) if known else None


def focus(strategies: Iterable[Strategy]) -> Strategy:
    """The strategy a verdict is about: SELECT where it ran, else the last one that did."""
    ran = list(strategies)
    return Strategy.SELECT if Strategy.SELECT in ran else ran[-1]


def verdict(rows: Rows, strategies: Iterable[Strategy]) -> Verdict:
    """The verdict on one audit."""
    ran = list(strategies)
    strategy = focus(ran)
    student = _student(rows, strategy, ran)
    found = _located(rows, strategy)
    is_located = _is_more_than_chance(rows, strategy)
    beside_random = _beside_random(rows, strategy)
    is_useful = None if beside_random is None else beside_random == _ABOVE
    name = strategy.shown_as
    if is_located and is_useful:
        headline = (
            f"{name}'s selection stands in for the training data and is aligned with "
            "its very documents."
        )
    elif is_located:
        headline = f"{name}'s selection is aligned with documents of the reference set."
        if beside_random == _BELOW:
            headline = f"{headline[:-1]}, but makes a worse student than random selection."
    elif is_useful and found:
        headline = (
            f"{name}'s selection stands in for the training data, but does not single "
            "out its documents."
        )
    elif is_useful:
        headline = f"{name}'s selection stands in for the training data."
    elif is_useful is None and found:
        headline = f"{name}'s selection does not single out documents of the reference set."
    elif is_useful is None:
        headline = f"{name} chose {_budget(rows, strategy)} documents; nothing says how good."
    elif beside_random == _BELOW:
        headline = f"{name} does worse than random selection here."
    else:
        headline = f"{name} does no better than random selection here."
    if (better := _clearly_better(rows, strategy, ran)) and beside_random != _BELOW:
        headline += f" {better.shown_as} makes a better student."
    sentences = (student, found, _membership(rows, strategy))
    return Verdict(headline, tuple(sentence for sentence in sentences if sentence))


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def p_value(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _student(rows: Rows, strategy: Strategy, ran: list[Strategy]) -> str | None:
    metric = Metric.ACCURACY if rows.get(strategy, Metric.ACCURACY) else Metric.AGREEMENT
    row = rows.get(strategy, metric)
    if row is None:
        return None
    what = "accuracy" if metric is Metric.ACCURACY else "agreement with the final model"
    sentence = (
        f"A student trained on its {_budget(rows, strategy)} documents reaches "
        f"{percent(row['value'])} {what} ({_range(row)})"
    )
    random = rows.get(Strategy.RANDOM, metric)
    if random and strategy is not Strategy.RANDOM:
        relation = _relation(row, random)
        sentence += f", {relation} random selection's {percent(random['value'])} ({_range(random)})"
    final = rows.get("final", metric)
    if final and metric is Metric.ACCURACY:
        sentence += f"; the final model has {percent(final['value'])}"
    best = rows.best(ran, metric)
    if best and best is not strategy:
        leader = rows.get(best, metric)
        assert leader is not None
        sentence += (
            f". The best here is {best.shown_as}, with {percent(leader['value'])}, "
            f"{_relation(leader, row)} {strategy.shown_as}'s"
        )
    return sentence + "."


def _located(rows: Rows, strategy: Strategy) -> str | None:
    row, lift = rows.get(strategy, Metric.RECALL), rows.get(strategy, Metric.LIFT)
    if row is None or lift is None:
        return None
    n_located = round(row["value"] * row["n"])
    chance = "more than chance" if row["p_value"] < SIGNIFICANCE else "no more than chance"
    return (
        f"It holds {n_located:,} of the {row['n']:,} reference documents in the seed corpus: "
        f"recall {percent(row['value'])} ({_range(row)}) where at most {percent(row['ceiling'])} "
        f"is possible and random selection has {percent(row['null_value'])}, "
        f"{chance} ({p_value(row['p_value'])}, lift {lift['value']:.2f})."
    )


def _membership(rows: Rows, strategy: Strategy) -> str | None:
    row = rows.get(strategy, Metric.MEMBERSHIP_PRECISION)
    if row is None:
        return None
    verb = "tells" if row["p_value"] < SIGNIFICANCE else "does not tell"
    return (
        f"Within the reference set's own domain it {verb} documents that were used from "
        f"held-out ones: {percent(row['value'])} of its choices there were used, "
        f"{percent(row['null_value'])} expected by chance ({p_value(row['p_value'])})."
    )


def _is_more_than_chance(rows: Rows, strategy: Strategy) -> bool:
    """Whether every sentence on located documents says so: one alone is no finding."""
    metrics = (Metric.RECALL, Metric.MEMBERSHIP_PRECISION)
    known = [row for metric in metrics if (row := rows.get(strategy, metric))]
    return bool(known) and all(row["p_value"] < SIGNIFICANCE for row in known)


def _beside_random(rows: Rows, strategy: Strategy) -> str | None:
    for metric in _STUDENT:
        row, random = rows.get(strategy, metric), rows.get(Strategy.RANDOM, metric)
        if row and random and strategy is not Strategy.RANDOM:
            return _relation(row, random)
    return None


def _clearly_better(rows: Rows, strategy: Strategy, ran: list[Strategy]) -> Strategy | None:
    """The best strategy, if its student's interval lies above that of ``strategy``."""
    for metric in _STUDENT:
        row, best = rows.get(strategy, metric), rows.best(ran, metric)
        if row and best:
            leader = rows.get(best, metric)
            assert leader is not None
            return best if _relation(leader, row) == _ABOVE else None
    return None


def _relation(row: Row, other: Row) -> str:
    if row["low"] > other["high"]:
        return _ABOVE
    if row["high"] < other["low"]:
        return _BELOW
    return "not distinguishable from"


def _range(row: Row) -> str:
    return f"{100 * row['low']:.1f}–{100 * row['high']:.1f}"


def _budget(rows: Rows, strategy: Strategy) -> str:
    row = rows.get(strategy, Metric.COSINE)
    return f"{row['n']:,}" if row else "selected"
