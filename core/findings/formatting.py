"""How numbers and names are written in sentences and tables: here and nowhere else.

A number that rounds to zero has no sign, unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from assay.core.specs.interval import Interval
from assay.core.specs.metrics import Metric
from assay.core.specs.strategies import BY_TRAINED_PARTS

Row = Mapping[str, Any]
# Writes one number.
Written = Callable[[float], str]
NOTHING = "—"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLURAL_NAMES = frozenset(strategy.shown_as for strategy in BY_TRAINED_PARTS)


def percent(value: float, digits: int = 1) -> str:
    """A share: 12.3%."""
    return f"{points(value, digits)}%"


def points(value: float, digits: int = 1) -> str:
    """A share under a title that gives the unit: 12.3."""
    return f"{100 * value:z.{digits}f}"


def percentage_points(value: float, sign: str = "") -> str:
    """A difference of shares in a sentence: 12, or +12 with ``sign`` "+"; without the unit."""
    return f"{100 * value:{sign}z.0f}"


def small_share(value: float) -> str:
    """A share that may be too small to write in full."""
    return "less than 0.1%" if value < 0.001 else percent(value)


def decimal(value: float, digits: int = 3) -> str:
    """An AUC, a cosine, a distance: 0.123."""
    return f"{value:z.{digits}f}"


def signed(value: float, digits: int = 3) -> str:
    """A difference of these: +0.123."""
    return f"{value:+z.{digits}f}"


def number(metric: Metric, value: float | None) -> str:
    """A metric's value in its unit; a dash without a value."""
    if value is None or pd.isna(value):
        return NOTHING
    return percent(value) if metric.info.is_percent else decimal(value, metric.info.digits)


def bare(metric: Metric, value: float) -> str:
    """The same under a title that gives the unit."""
    return number(metric, value).removesuffix("%")


def interval(low: float, high: float, written: Written = decimal) -> str:
    """0.123–0.456, or -0.456 to 0.123 where a dash would meet a minus; without the unit."""
    ends = [written(one).removesuffix("%") for one in (low, high)]
    return (" to " if any(one.startswith("-") for one in ends) else "–").join(ends)


def interval_of(row: Row | Interval) -> Interval:
    """The value of a table's row with its interval."""
    return row if isinstance(row, Interval) else Interval(row["value"], row["low"], row["high"])


def bracketed(row: Row | Interval, written: Written = decimal) -> str:
    """A value in a table: 0.300 [0.123–0.456], or without brackets if it has no interval."""
    found = interval_of(row)
    value = written(found.value)
    if pd.isna(found.low):
        return value
    return f"{value} [{interval(found.low, found.high, written)}]"


def in_sentence(row: Row | Interval, written: Written = decimal) -> str:
    """A value and its interval in a sentence: 0.300 (0.123–0.456)."""
    found = interval_of(row)
    return f"{written(found.value)} ({interval(found.low, found.high, written)})"


def p_value(value: float, name: str = "p") -> str:
    """p = 0.012, p < 0.001."""
    written = bare_p_value(value)
    return f"{name} {written}" if written.startswith("<") else f"{name} = {written}"


def bare_p_value(value: float) -> str:
    """The same under a title: 0.012, < 0.001."""
    return "< 0.001" if value < 0.001 else decimal(value)


def significant(value: float, digits: int = 3) -> str:
    """A size that may be of any order, with so many digits that count: 0.800, 12.3, 2.1 × 10⁻⁸."""
    if value == 0:
        return "0"
    order = int(f"{value:.{digits - 1}e}".partition("e")[2])
    if order < -3:
        return f"{value / 10.0**order:.{digits - 1}f} × 10{str(order).translate(_RAISED)}"
    return f"{value:,.{max(0, digits - 1 - order)}f}"


def moment(recorded: str) -> str:
    """When something was made, to the minute, from ISO 8601 in UTC: 2026-11-21 12:00 UTC."""
    return f"{recorded[:10]} {recorded[11:16]} UTC"


def possessive(name: str) -> str:
    """SELECT's, input embeddings'."""
    return name + ("'" if name.endswith("s") else "'s")


def verb(name: str, plural: str) -> str:
    """The verb after a ranking's name: input embeddings find, SELECT finds."""
    if name in _PLURAL_NAMES:
        return plural
    return plural + ("es" if plural.endswith(("o", "ch", "sh")) else "s")


def capitalized(sentence: str) -> str:
    """With a capital at its beginning, the rest unchanged."""
    return sentence[:1].upper() + sentence[1:]


def counted(n: int, what: str) -> str:
    """``n`` with its noun, which has an s unless there is one: 1 document, 1,200 documents."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: one, two and three."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
