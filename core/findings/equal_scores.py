"""Rankings that had nothing to rank by, in words: their selections are random draws."""

from __future__ import annotations

from collections.abc import Iterable

from assay.core.findings.finding import MetricTable
from assay.core.findings.formatting import listed
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import Strategy, shown_as


def is_drawn(rows: MetricTable, subject: str) -> bool:
    """Whether all documents had equal scores, so that the seed alone decided what was selected."""
    return rows.get(subject, Metric.EQUAL_SCORES) is not None


def shown_with_draw(rows: MetricTable, strategy: Strategy) -> str:
    """A strategy's name in a table, marked if its selection is a random draw."""
    return drawn_title(strategy.shown_as) if is_drawn(rows, strategy) else strategy.shown_as


def drawn_title(name: str) -> str:
    """The name of a random draw in a table or a legend."""
    return f"{name} (a random draw)"


def drawn_among(rows: MetricTable, subjects: Iterable[str]) -> list[str]:
    """Strategies that had nothing to rank by."""
    return [subject for subject in subjects if is_drawn(rows, subject)]


def drawn_sentence(drawn: Iterable[str]) -> str | None:
    """Which strategies had nothing to rank by; None if all had something."""
    names = [shown_as(subject) for subject in drawn]
    if not names:
        return None
    what = "its selection is a" if len(names) == 1 else "their selections are"
    draws = "random draw" if len(names) == 1 else "random draws"
    return (
        f"{listed(names)} had nothing to rank by: all documents have the same score, so {what} "
        f"{draws}."
    )


def drawn_somewhere(drawn: Iterable[str]) -> str | None:
    """Which strategies had nothing to rank by in some settings of many; None where each had."""
    names = [shown_as(subject) for subject in drawn]
    if not names:
        return None
    return (
        f"{listed(names)} had nothing to rank by in the settings marked “a random draw”: all "
        "documents have the same score there."
    )
