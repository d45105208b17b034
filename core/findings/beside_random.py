"""Which selections differ from random ones, allowing for several strategies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import percent, possessive
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, main_strategy
from assay.core.stats.intervals import CHANCE_OUTSIDE, holm

# From so many draws on a band leaves out some of them on either side.
_MANY_DRAWS = 199


def apart_from_random(
    rows: MetricTable, strategies: Iterable[Strategy], metric: Metric
) -> set[Strategy]:
    """Strategies that differ, by two-sided p-values among random draws.

    The main strategy's comparison, declared before anything is computed, is at 5%; all others' are
    at 5% together (Holm). An audit of an earlier version has no such p-values; then its bands are
    used, uncorrected.
    """
    measured = {one: row for one in strategies if (row := rows.get(one, metric))}
    if not measured:
        return set()
    if any(pd.isna(row.get("p_value")) for row in measured.values()):
        return {
            one
            for one, row in measured.items()
            if not row["null_low"] <= row["value"] <= row["null_high"]
        }
    main = main_strategy(measured)
    others = [one for one in measured if one not in (main, Strategy.RANDOM)]
    corrected: dict[Strategy, float] = dict(
        zip(others, holm([measured[o]["p_value"] for o in others]), strict=True)
    )
    corrected[main] = measured[main]["p_value"]
    return {one for one, p_value in corrected.items() if p_value <= CHANCE_OUTSIDE}


def how_told_apart(rows: MetricTable, strategies: Iterable[Strategy], metric: Metric) -> str:
    """A note for below the table: what the comparisons of ``apart_from_random`` cover."""
    measured = [one for one in strategies if rows.get(one, metric)]
    if not measured:
        return ""
    main = main_strategy(measured)
    first = rows.get(main, metric)
    assert first is not None
    if pd.isna(first.get("p_value")):
        return (
            "Closer, farther: outside the range of random selections. An earlier version made this "
            "audit from few of them, without correcting for several strategies."
        )
    n_others = sum(one not in (main, Strategy.RANDOM) for one in measured)
    level = percent(CHANCE_OUTSIDE, 0)
    return (
        f"Closer, farther: p ≤ {CHANCE_OUTSIDE} among {first['null_kind']}. "
        f"{possessive(main.shown_as)} "
        f"comparison was declared in advance and is not corrected; the {n_others} others are "
        f"corrected together (Holm): in at most {level} of audits, chance alone makes any of them "
        f"closer or farther."
    )


def few_draws_sentence(row: Mapping[str, Any] | None) -> str:
    """What a band of few random selections can claim; "" where they are many.

    Exact cosines of language models and inner layers take a pass over each document: so few random
    selections are taken that the band is as wide as all of them.
    """
    found = re.match(r"(\d+) random", str(row["null_kind"])) if row else None
    if found is None or int(found[1]) >= _MANY_DRAWS:
        return ""
    n_draws = int(found[1])
    least = 2 / (n_draws + 1)
    return (
        f"With {n_draws} random selections the band reaches from the lowest to the highest. The "
        f"chance that one more would lie above it is 1 in {n_draws + 1}, and below it likewise: no "
        f"p-value can be under {least:.2g}, and none stands up to a correction for several "
        "strategies."
    )
