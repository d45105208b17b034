"""What a command ends with: the answer, its figures as a small table, and where to read on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import typer

from assay.core.cli.options import say_json

if TYPE_CHECKING:
    import pandas as pd

# Longer tables are read in the dashboard.
_MOST_ROWS = 24
# Of a name that a model or somebody else wrote.
_WIDEST = 48


@dataclass(frozen=True)
class Ending:
    """says: the answer and what supports it, a sentence or more each.

    table: its figures. notes: caveats and what to do next, and where its file is. page: the
    dashboard's page that shows it, and query: what names the result in the address.
    """

    says: Sequence[str]
    table: pd.DataFrame | None = None
    notes: Sequence[str] = ()
    page: str = ""
    query: Mapping[str, str] | None = None


def end(
    as_json: bool, ending: Callable[[], Ending], figures: Callable[[], Mapping[str, Any]]
) -> None:
    """Print one JSON object with all ``figures``, or the ending."""
    if as_json:
        say_json(figures())
    else:
        show_ending(ending())


def show_ending(ending: Ending) -> None:
    """Print it, without what could command a terminal: names and texts are others' work."""
    for line in ending.says:
        say_line(line)
    if ending.table is not None and len(ending.table):
        say_line(f"\n{_as_lines(ending.table)}")
    for line in ending.notes:
        say_line(f"\n{line}")
    if ending.page:
        query = f"?{urlencode(ending.query)}" if ending.query else ""
        say_line(f"To read on: assay dashboard, then /{ending.page}{query}")


def say_line(line: str) -> None:
    """Print a line, or several, without characters that could command a terminal."""
    typer.echo("".join(one for one in line if one.isprintable() or one == "\n"))


def _as_lines(table: pd.DataFrame) -> str:
    from assay.core.findings.table_cells import as_text

    shown = as_text(table[:_MOST_ROWS]).map(_short)
    lines = shown.to_string(index=False)
    n_more = len(table) - len(shown)
    return f"{lines}\n… and {n_more:,} more" if n_more else lines


def _short(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    one_line = " ".join(cell.split())
    return one_line if len(one_line) <= _WIDEST else f"{one_line[: _WIDEST - 1]}…"
