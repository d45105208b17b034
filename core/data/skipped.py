"""Rows of a source that were left out: why, how many, and which."""

from __future__ import annotations

from collections import defaultdict

# Enough to look at; the others are only counted.
_SHOWN = 5
# An untrusted chat template can give ever new reasons.
_MOST_REASONS = 20
_OTHER = "other reasons"


class Unusable(Exception):
    """Raised for one row that cannot be read as a document; the message is the reason."""


class SkippedRows:
    """Counts rows that were left out, by reason.

    A row that is read twice, because one file is used for two purposes, counts once.
    """

    def __init__(self) -> None:
        self._rows: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)

    def add(self, reason: str, file: str, row: int) -> None:
        """Row ``row`` of ``file``, counted from 1, was left out."""
        known = reason in self._rows or len(self._rows) < _MOST_REASONS
        self._rows[reason if known else _OTHER].add((file, row))

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def told(self, what: str) -> str:
        """``what`` and the reasons, as part of a sentence."""
        return f"{what}: {' '.join(self.lines()).rstrip('.')}" if self else what

    def lines(self) -> list[str]:
        """One sentence per reason."""
        return [_line(reason, sorted(rows)) for reason, rows in self._rows.items()]


def _line(reason: str, rows: list[tuple[str, int]]) -> str:
    by_file: defaultdict[str, list[str]] = defaultdict(list)
    for file, row in rows[:_SHOWN]:
        by_file[file].append(f"{row:,}")
    where = "; ".join(
        f"row{'s' if len(own) > 1 else ''} {', '.join(own)} of {file!r}"
        for file, own in by_file.items()
    )
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    n = f"{len(rows):,} row{'s were' if len(rows) > 1 else ' was'}"
    return f"{n} left out ({reason}): {where}{more}."
