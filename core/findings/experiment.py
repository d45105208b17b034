"""Mean and spread over seeds, and how SELECT compares with random selection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from assay.core.findings.formatting import Row, number
from assay.core.findings.table_cells import TableCell
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BLIND, Strategy, shown_as
from assay.core.stats.intervals import Spread

# Whose measurement it is: a strategy, text alone, or one of the two models.
SUBJECTS = {
    **{str(strategy): strategy.shown_as for strategy in Strategy},
    BLIND: shown_as(BLIND),
    "final": "final model",
    "base": "base model",
}
_PLACE = ("panel", "variant", "x", "subject", "metric")


@dataclass(frozen=True)
class Place:
    """Which measurement; ``x`` is None if nothing varies along an axis."""

    panel: str
    variant: str
    x: float | None
    subject: str
    metric: str


def spreads(rows: Iterable[Row]) -> dict[Place, Spread]:
    """Every measurement over its seeds; rows as in the table ``measurements``."""
    values: dict[Place, list[float]] = {}
    for row in rows:
        x = row["x"]
        where = Place(**{**{name: row[name] for name in _PLACE}, "x": None if x != x else x})
        values.setdefault(where, []).append(float(row["value"]))
    return {
        place: Spread.of(own, Metric(place.metric).info.bounds) for place, own in values.items()
    }


def is_drawn(found: Mapping[Place, Spread], place: Place) -> bool:
    """Whether the figure is of a random draw: in some seed all documents scored alike."""
    flag = replace(place, metric=Metric.EQUAL_SCORES)
    return flag in found or replace(flag, x=None) in found


def drawn_subjects(found: Iterable[Place]) -> list[str]:
    """Whose rankings had nothing to rank by in some setting, each once."""
    flags = (place.subject for place in found if place.metric == Metric.EQUAL_SCORES)
    return list(dict.fromkeys(flags))


@dataclass(frozen=True)
class Standing:
    """In how many settings SELECT is better than random, worse, or not distinguishable.

    Better and worse: every seed of one is beyond every seed of the other. Settings in which SELECT
    had nothing to rank by are not counted.
    """

    metric: Metric
    n_better: int
    n_worse: int
    n_alike: int
    n_seeds: int

    @property
    def sentence(self) -> str:
        """The counts in words; with one seed, that they show little."""
        n = self.n_better + self.n_worse + self.n_alike
        counts = (
            f"By {self.metric.info.short}, SELECT is better than random selection in "
            f"{self.n_better} of {n} setting{'s' * (n > 1)}, worse in {self.n_worse}"
        )
        if self.n_seeds == 1:
            return f"{counts} and equal in {self.n_alike}. With one seed, this may be chance."
        why = f" (ranges over {self.n_seeds} seeds overlap)" if self.n_alike else ""
        return f"{counts} and not distinguishable in {self.n_alike}{why}."


def standing(found: Mapping[Place, Spread], metric: Metric) -> Standing | None:
    """SELECT compared with random selection wherever both were measured; None if they never were.

    A random selection without a position on the axis is compared with all of its panel's.
    """
    pairs = []
    for place, own in found.items():
        is_own = place.metric == metric and place.subject == Strategy.SELECT
        if is_own and not is_drawn(found, place):
            beside = replace(place, subject=Strategy.RANDOM)
            other = found.get(beside) or found.get(replace(beside, x=None))
            if other:
                pairs.append((own, other))
    if not pairs:
        return None
    n_above = sum(own.lowest > other.highest for own, other in pairs)
    n_below = sum(own.highest < other.lowest for own, other in pairs)
    is_lower_better = metric.info.is_lower_better
    n_better, n_worse = (n_below, n_above) if is_lower_better else (n_above, n_below)
    n_seeds = min(own.n for own, _ in pairs)
    return Standing(metric, n_better, n_worse, len(pairs) - n_above - n_below, n_seeds)


def means_table(found: Mapping[Place, Spread], metrics: Sequence[Metric]) -> pd.DataFrame:
    """One row per panel, variant, position and subject; the mean over seeds of each metric."""
    rows: dict[tuple[str, str, float | None, str], dict[str, TableCell]] = {}
    for place, own in found.items():
        if place.metric in metrics:
            metric = Metric(place.metric)
            row = rows.setdefault((place.panel, place.variant, place.x, place.subject), {})
            row[metric.info.title] = TableCell.of(number(metric, own.mean), value=own.mean)
    table = pd.DataFrame(
        {
            **dict(zip(("panel", "variant", "at"), where, strict=False)),
            "subject": SUBJECTS[where[-1]],
            **cells,
        }
        for where, cells in rows.items()
    )
    # What nothing varies by needs no column.
    alike = [one for one in ("panel", "variant", "at") if one in table and table[one].nunique() < 2]
    return table.drop(columns=alike)
